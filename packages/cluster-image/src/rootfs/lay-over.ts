import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withDiskFull } from '../store/durable-file.ts';
import { applyLayer, copyLeaf } from './apply-layer.ts';
import { opaqueMarker, whiteoutPrefix } from './entry-path.ts';

export interface LayOverOptions {
  /** A rootfs that `mountRootfs` has made. It may be in use: what is replaced gets a new inode. */
  readonly rootfs: string;
  /** Unpacked layers of which the rootfs was made, the lowest first. Needed only where something is `removed`. */
  readonly baseDirs: readonly string[];
  /** Unpacked layers whose files lie over it, the lowest first. */
  readonly overDirs: readonly string[];
  /** Unpacked layers that were laid over it before and are no longer wanted. */
  readonly removedDirs: readonly string[];
}

/**
 * Lays layers over a rootfs as files, so that it can be done while the rootfs is in use, and takes others away again: what a removed layer had
 * put somewhere becomes what the layers below it have there. What somebody else wrote to such a place in the meantime is gone; every other place
 * is left alone. May be done again. Throws LAYER_HOSTILE, DISK_FULL.
 */
export async function layOver({ rootfs, baseDirs, overDirs, removedDirs }: LayOverOptions): Promise<void> {
  await withDiskFull(rootfs, async () => {
    const staying = [...baseDirs, ...overDirs];
    for (const removed of [...removedDirs].reverse()) await takeAway(removed, staying, rootfs);
    for (const layer of overDirs) await applyLayer(layer, rootfs);
  });
}

async function takeAway(removed: string, staying: readonly string[], rootfs: string): Promise<void> {
  const { touched, directories } = await contents(removed);
  for (const path of touched) {
    await replay(path, staying, rootfs);
    // What was rendered from a template that goes.
    if (path.endsWith('.tmpl')) await replay(path.slice(0, -'.tmpl'.length), staying, rootfs);
  }
  for (const path of directories.reverse()) {
    const kept = await Promise.all(staying.map(async (layer) => (await inside(layer, path))?.isDirectory() === true));
    if (kept.includes(true) || !(await inside(rootfs, path))?.isDirectory()) continue;
    if (await removeEmpty(join(rootfs, path))) await replay(path, staying, rootfs);
  }
}

/** Makes one place of the rootfs what the layers say of it. */
async function replay(path: string, layers: readonly string[], rootfs: string): Promise<void> {
  const target = join(rootfs, path);
  if (!(await isPlainDirectory(rootfs, dirname(path)))) return;
  await rm(target, { recursive: true, force: true });
  for (const layer of layers) {
    if (await hides(layer, path)) await rm(target, { recursive: true, force: true });
    const found = await inside(layer, path);
    if (!found) continue;
    if (!found.isDirectory()) await rm(target, { recursive: true, force: true });
    await mkdir(found.isDirectory() ? target : dirname(target), { recursive: true });
    if (found.isDirectory()) await applyLayer(join(layer, path), target);
    else await copyLeaf(join(layer, path), target);
  }
}

/** Paths that a layer puts or hides, and its directories, parents first. */
async function contents(layer: string): Promise<{ touched: string[]; directories: string[] }> {
  const touched: string[] = [];
  const directories: string[] = [];
  const visit = async (directory: string): Promise<void> => {
    for (const entry of await readdir(join(layer, directory), { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.name === opaqueMarker) touched.push(directory);
      else if (entry.name.startsWith(whiteoutPrefix)) touched.push(join(directory, entry.name.slice(whiteoutPrefix.length)));
      else if (entry.isDirectory()) {
        directories.push(path);
        await visit(path);
      } else touched.push(path);
    }
  };
  await visit('');
  return { touched: touched.filter((path) => path !== ''), directories };
}

/** Whether a layer removes what lower layers have at a place. */
async function hides(layer: string, path: string): Promise<boolean> {
  const parts = path.split('/');
  for (const [index, part] of parts.entries()) {
    const directory = parts.slice(0, index).join('/');
    if (await inside(layer, join(directory, `${whiteoutPrefix}${part}`))) return true;
    if (await inside(layer, join(directory, opaqueMarker))) return true;
  }
  return false;
}

/** What is at a place below `root`, no symbolic link followed. */
async function inside(root: string, path: string) {
  if (!(await isPlainDirectory(root, dirname(path)))) return undefined;
  return lstat(join(root, path)).catch(absent);
}

/** True when every part of the way is a directory, or nothing. */
async function isPlainDirectory(root: string, path: string): Promise<boolean> {
  if (path === '.' || path === '') return true;
  if (!(await isPlainDirectory(root, dirname(path)))) return false;
  const found = await lstat(join(root, path)).catch(absent);
  return found === undefined || found.isDirectory();
}

async function removeEmpty(directory: string): Promise<boolean> {
  return rmdir(directory).then(
    () => true,
    (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOTEMPTY' || thrown.code === 'EEXIST') return false;
      throw thrown;
    },
  );
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined;
  throw thrown;
}
