import { constants } from 'node:fs';
import { chmod, copyFile, lstat, lutimes, mkdir, readdir, readlink, rename, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { opaqueMarker, whiteoutPrefix } from './entry-path.ts';

export interface ApplyOptions {
  /** `copy` (default; by reflink where the file system can) leaves the layer as it is, `move` empties it. */
  readonly mode?: 'copy' | 'move';
}

/**
 * Lays an unpacked layer over a rootfs that nobody else writes to: directories are merged, everything else is replaced, and what its
 * removal markers name is removed. Never follows a symbolic link of the rootfs or the layer. Modes and times are kept.
 */
export async function applyLayer(layerDirectory: string, rootfs: string, options: ApplyOptions = {}): Promise<void> {
  await applyDirectory(layerDirectory, rootfs, options.mode ?? 'copy');
}

async function applyDirectory(from: string, to: string, mode: 'copy' | 'move'): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  // Removals are meant for what lower layers hold, so they come before anything of this layer.
  if (entries.some(({ name }) => name === opaqueMarker)) await emptyDirectory(to);
  for (const { name } of entries) {
    if (name.startsWith(whiteoutPrefix) && !name.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) await removeHidden(to, name);
  }
  for (const entry of entries) {
    if (entry.name.startsWith(whiteoutPrefix)) continue;
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      await makeDirectory(target);
      await applyDirectory(source, target, mode);
      continue;
    }
    await rm(target, { recursive: true, force: true });
    if (mode === 'move') await rename(source, target);
    else await copyLeaf(source, target);
  }
  const { mode: directoryMode, atime, mtime } = await lstat(from);
  await chmod(to, directoryMode & 0o7777);
  await utimes(to, atime, mtime);
}

async function removeHidden(directory: string, marker: string): Promise<void> {
  const name = marker.slice(whiteoutPrefix.length);
  if (['', '.', '..'].includes(name)) throw new Problem('LAYER_HOSTILE', `the removal marker "${marker}" names nothing`);
  await rm(join(directory, name), { recursive: true, force: true });
}

async function emptyDirectory(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}

async function makeDirectory(path: string): Promise<void> {
  const found = await lstat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (found?.isDirectory()) return;
  if (found) await rm(path, { force: true });
  await mkdir(path, { mode: 0o700 });
}

/** Copies a file or a symbolic link to a place where nothing is, with mode and times. */
export async function copyLeaf(source: string, target: string): Promise<void> {
  const found = await lstat(source);
  if (found.isSymbolicLink()) {
    await symlink(await readlink(source), target);
    await lutimes(target, found.atime, found.mtime);
    return;
  }
  if (!found.isFile()) throw new Problem('LAYER_HOSTILE', `${source} in an unpacked layer is neither file, directory nor link`);
  await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await chmod(target, found.mode & 0o7777);
  await utimes(target, found.atime, found.mtime);
}
