import { closeSync, fchmodSync, futimesSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, link, lutimes, mkdir, open, readdir, rename, rm, symlink, unlink, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId, Problem, systemRandom } from '@seal/foundation';
import { execa } from 'execa';
import { syncPath, withDiskFull } from '../store/durable-file.ts';
import { entryPath, hostile } from './entry-path.ts';
import { type LayerEntry, type LayerSource, readLayer } from './read-layer.ts';

export interface UnpackOptions {
  /** Default true: everything is on disk before the layer appears at its place, so a power loss never leaves half of it. */
  readonly durable?: boolean;
  /** Ends the work between two entries with CANCELLED. */
  readonly signal?: AbortSignal;
}

export interface UnpackResult {
  readonly entries: number;
  readonly bytes: number;
  /** False: the layer was there already, nothing was done. */
  readonly unpacked: boolean;
}

/** Files of up to so many bytes are held in memory as a whole before they are written. */
const smallBytes = 256 * 1024;

/** In the name of a layer that is being unpacked. */
const partialMark = '.partial-';

type Kind = 'file' | 'symlink' | 'directory';

interface Unpacking {
  readonly root: string;
  readonly archive: string;
  /** What this call has made, by path. The archive decides none of it; nothing outside of this map is ever touched. */
  readonly made: Map<string, Kind>;
  readonly directories: Map<string, { mode: number; mtime: Date }>;
  bytes: number;
}

/**
 * Unpacks an untrusted layer to `target`, which appears as a whole or not at all; a target that holds anything is left as it is. Modes, times and
 * symbolic links are kept; owners become the caller, extended attributes are dropped, and so are setuid and setgid bits: a rootfs lies
 * on a host where other users can reach it. Removal markers (`.wh.`) stay as files, for `mountRootfs`.
 *
 * INVARIANTS: no path is followed through a symbolic link (each parent is a directory that this call made), files are made with O_EXCL, and
 * hard links join only files of this layer. So whatever the archive holds, nothing outside of `target` is read or written.
 * Throws LAYER_HOSTILE, LAYER_DIGEST_MISMATCH, LAYER_TOO_LARGE, LAYER_CORRUPT, DISK_FULL; nothing is kept then.
 */
export async function unpackLayer(source: LayerSource, target: string, options: UnpackOptions = {}): Promise<UnpackResult> {
  if (await isUnpacked(target)) return { entries: 0, bytes: 0, unpacked: false };
  await mkdir(dirname(target), { recursive: true });
  const partial = join(dirname(target), `${basename(target)}${partialMark}${newId('u', systemRandom)}`);
  const archive = `layer ${source.name ?? source.expectedDigest ?? source.path}`;
  const unpacking: Unpacking = { root: partial, archive, made: new Map(), directories: new Map(), bytes: 0 };
  let entries = 0;
  try {
    await withDiskFull(target, async () => {
      await mkdir(partial, { mode: 0o700 });
      await readLayer(source, async (entry) => {
        if (options.signal?.aborted) throw new Problem('CANCELLED', `unpacking ${archive} was cancelled`);
        entries += 1;
        await unpackEntry(unpacking, entry);
      });
      await finishDirectories(unpacking);
      // syncfs: one call for all files, which are on one file system. Node has no binding for it.
      if (options.durable ?? true) await execa('sync', ['-f', partial]);
    });
    await moveIntoPlace(partial, target);
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  }
  return { entries, bytes: unpacking.bytes, unpacked: true };
}

/** Removes the half layers that a killed process left in a directory of layers. Only for when nobody unpacks there: at a daemon's start. */
export async function removePartialLayers(directory: string): Promise<number> {
  const names = await readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
  const partial = names.filter((name) => name.includes(partialMark));
  for (const name of partial) await rm(join(directory, name), { recursive: true, force: true });
  return partial.length;
}

async function moveIntoPlace(partial: string, target: string): Promise<void> {
  try {
    await rename(partial, target);
    await syncPath(dirname(target));
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw thrown;
    // Another call has unpacked the same layer in the meantime.
    await rm(partial, { recursive: true, force: true });
  }
}

async function unpackEntry(unpacking: Unpacking, { parts, header, body }: LayerEntry): Promise<void> {
  const path = parts.join('/');
  const mode = (header.mode ?? 0o644) & 0o1777;
  const mtime = header.mtime ?? new Date(0);
  switch (header.type) {
    case 'directory':
      await makeDirectory(unpacking, parts, header.name, 'itself');
      unpacking.directories.set(path, { mode, mtime });
      return;
    case 'file':
    case 'contiguous-file':
      await makeRoom(unpacking, parts, header.name, 'file');
      unpacking.bytes +=
        header.size <= smallBytes
          ? writeSmallFile(join(unpacking.root, path), await gather(body), mode, mtime)
          : await writeNewFile(join(unpacking.root, path), body, mode, mtime);
      return;
    case 'symlink':
      if (!header.linkname) throw hostile(unpacking.archive, header.name, 'it is a symbolic link to nothing');
      await makeRoom(unpacking, parts, header.name, 'symlink');
      await symlink(header.linkname, join(unpacking.root, path));
      await lutimes(join(unpacking.root, path), mtime, mtime);
      return;
    case 'link':
      return makeHardLink(unpacking, parts, header.name, header.linkname ?? '');
    default:
      throw hostile(unpacking.archive, header.name, `it is a ${header.type ?? 'special file'}, not a file, directory or link`);
  }
}

async function makeHardLink(unpacking: Unpacking, parts: readonly string[], name: string, linkname: string): Promise<void> {
  const linked = entryPath(linkname, unpacking.archive).join('/');
  if (unpacking.made.get(linked) !== 'file')
    throw hostile(unpacking.archive, name, `it is a hard link to "${linkname}", which is no file of this layer`);
  if (linked === parts.join('/')) return;
  await makeRoom(unpacking, parts, name, 'file');
  await link(join(unpacking.root, linked), join(unpacking.root, parts.join('/')));
}

/** Makes the parents, and removes a file or link that an earlier entry put there: the last entry of a name counts, as in tar. */
async function makeRoom(unpacking: Unpacking, parts: readonly string[], name: string, kind: Kind): Promise<void> {
  if (parts.length === 0) throw hostile(unpacking.archive, name, 'it would replace the root directory');
  await makeDirectory(unpacking, parts.slice(0, -1), name, 'parents');
  const path = parts.join('/');
  const before = unpacking.made.get(path);
  if (before === 'directory') throw hostile(unpacking.archive, name, `it would replace a directory of the same layer`);
  if (before !== undefined) await unlink(join(unpacking.root, path));
  unpacking.made.set(path, kind);
}

/** Makes each directory of `parts`. Only a directory entry itself may replace a file or link; a path through one is refused. */
async function makeDirectory(
  unpacking: Unpacking,
  parts: readonly string[],
  name: string,
  role: 'itself' | 'parents',
): Promise<void> {
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const path = parts.slice(0, depth).join('/');
    const before = unpacking.made.get(path);
    if (before === 'directory') continue;
    if (before !== undefined && (role === 'parents' || depth < parts.length))
      throw hostile(unpacking.archive, name, `its path leads through "${path}", which is a ${before} of the same layer`);
    if (before !== undefined) await unlink(join(unpacking.root, path));
    await mkdir(join(unpacking.root, path), { mode: 0o700 });
    unpacking.made.set(path, 'directory');
    unpacking.directories.set(path, { mode: 0o755, mtime: new Date(0) });
  }
}

async function writeNewFile(path: string, body: AsyncIterable<Uint8Array>, mode: number, mtime: Date): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    const bytes = await writeAll(file, body);
    await file.chmod(mode);
    await file.utimes(mtime, mtime);
    return bytes;
  } finally {
    await file.close();
  }
}

async function gather(body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

/** By calls that block, some 50 µs together: where files are many, five hand-overs to another thread for each are what takes the time. */
function writeSmallFile(path: string, chunks: readonly Uint8Array[], mode: number, mtime: Date): number {
  const descriptor = openSync(path, 'wx', 0o600);
  let bytes = 0;
  try {
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
    for (const chunk of chunks) bytes += chunk.length;
    fchmodSync(descriptor, mode);
    futimesSync(descriptor, mtime, mtime);
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

async function writeAll(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of body) {
    await file.writeFile(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

/** Modes and times of directories come last, the deepest first: a read-only directory could not be filled. */
async function finishDirectories({ root, directories }: Unpacking): Promise<void> {
  if (!directories.has('')) directories.set('', { mode: 0o755, mtime: new Date(0) });
  const deepestFirst = [...directories].sort(([a], [b]) => b.length - a.length);
  for (const [path, { mode, mtime }] of deepestFirst) {
    const directory = await open(join(root, path), 'r');
    try {
      await directory.chmod(mode);
    } finally {
      await directory.close();
    }
    await utimes(join(root, path), mtime, mtime);
  }
}

/** An empty directory counts as nothing there: it may have been made to be filled. */
async function isUnpacked(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
}
