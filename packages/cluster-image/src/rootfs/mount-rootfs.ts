import { mkdir, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { newId, Problem, systemRandom } from '@seal/foundation';
import { execa } from 'execa';
import * as z from 'zod';
import { withDiskFull, writeFileDurably } from '../store/durable-file.ts';
import { applyLayer } from './apply-layer.ts';
import { whiteoutPrefix } from './entry-path.ts';
import { readMounts } from './mounts.ts';
import { unmountAll } from './unmount-rootfs.ts';

export interface MountRootfsOptions {
  /** Unpacked layers, the lowest first. They must stay and must not be changed while the rootfs is mounted. */
  readonly layerDirs: readonly string[];
  readonly mountPoint: string;
  /** Seal's own directory for this rootfs: what is written on top, and which layers it has. On the file system that shall hold the writes. */
  readonly workDir: string;
}

export type RootfsKind = 'overlay' | 'copy';

/** What `<workDir>/rootfs.json` says; written before anything is made, so that an interrupted call is seen. */
const recordSchema = z.object({ kind: z.enum(['overlay', 'copy']), layers: z.array(z.string()), complete: z.boolean() });
type RootfsRecord = z.infer<typeof recordSchema>;

/** The kernel takes at most 500 lower directories, in at most one page of options. */
const maximumOverlayLayers = 500;

/**
 * Makes the rootfs at `mountPoint`: an overlayfs mount of the layers with a writable top, or, where that cannot be (the top would lie on an
 * overlayfs, a layer has removal markers, no permission), a copy of the layers. May be called again at any time: with the same layers it
 * keeps what was written on top, also after a reboot, which ends the mount; with other layers it replaces the whole rootfs.
 * Throws ROOTFS_MOUNT_FAILED, ROOTFS_BUSY, DISK_FULL.
 */
export async function mountRootfs(options: MountRootfsOptions): Promise<RootfsKind> {
  const mountPoint = resolve(options.mountPoint);
  const workDir = resolve(options.workDir);
  const layers = await Promise.all(options.layerDirs.map((directory) => realLayer(directory)));
  await mkdir(workDir, { recursive: true, mode: 0o755 });
  const record = await readRecord(workDir);
  const sameLayers = record?.complete === true && JSON.stringify(record.layers) === JSON.stringify(layers);
  const mounted = (await readMounts()).some((mount) => mount.mountPoint === mountPoint && mount.fileSystem === 'overlay');
  if (sameLayers && record.kind === 'copy' && !mounted) return 'copy';
  if (sameLayers && record.kind === 'overlay') {
    if (mounted) return 'overlay';
    await mountOverlayAgain(layers, mountPoint, workDir);
    return 'overlay';
  }
  await unmountAll(mountPoint);
  return withDiskFull(mountPoint, () => makeAnew(layers, mountPoint, workDir));
}

async function makeAnew(layers: readonly string[], mountPoint: string, workDir: string): Promise<RootfsKind> {
  await writeRecord(workDir, { kind: 'overlay', layers: [...layers], complete: false });
  for (const part of ['upper', 'work', 'lower']) await rm(join(workDir, part), { recursive: true, force: true });
  const reason = await overlayHindrance(layers);
  const refusal = reason ?? (await tryOverlay(layers, mountPoint, workDir));
  const kind = refusal === undefined ? 'overlay' : 'copy';
  if (kind === 'copy') {
    for (const part of ['upper', 'work', 'lower']) await rm(join(workDir, part), { recursive: true, force: true });
    await copyRootfs(layers, mountPoint);
  }
  await writeRecord(workDir, { kind, layers: [...layers], complete: true });
  return kind;
}

async function overlayHindrance(layers: readonly string[]): Promise<string | undefined> {
  if (layers.length === 0) return 'there are no layers';
  if (layers.length > maximumOverlayLayers) return `there are more than ${maximumOverlayLayers} layers`;
  for (const layer of layers) if (await hasRemovalMarkers(layer)) return `${layer} removes files of lower layers`;
  return undefined;
}

async function hasRemovalMarkers(directory: string): Promise<boolean> {
  const entries = await readdir(directory, { withFileTypes: true });
  if (entries.some(({ name }) => name.startsWith(whiteoutPrefix))) return true;
  for (const entry of entries) if (entry.isDirectory() && (await hasRemovalMarkers(join(directory, entry.name)))) return true;
  return false;
}

/** Mounts; gives the words of the refusal when the machine cannot. What lay at the mount point (a copy of an older image) goes first. */
async function tryOverlay(layers: readonly string[], mountPoint: string, workDir: string): Promise<string | undefined> {
  await removeDirectory(mountPoint);
  await mkdir(mountPoint, { recursive: true, mode: 0o755 });
  return overlayMount(layers, mountPoint, workDir);
}

async function mountOverlayAgain(layers: readonly string[], mountPoint: string, workDir: string): Promise<void> {
  await mkdir(mountPoint, { recursive: true, mode: 0o755 });
  const refusal = await overlayMount(layers, mountPoint, workDir);
  if (refusal === undefined) return;
  // A copy would lose what was written on top, so this is not papered over.
  throw new Problem(
    'ROOTFS_MOUNT_FAILED',
    `the rootfs at ${mountPoint} was an overlayfs and cannot be mounted again: ${refusal}`,
    {
      details: { mountPoint, workDir },
    },
  );
}

/**
 * mount(2) takes one page of options, so the layers are named by short links, relative to the directory that holds them. The classic call is
 * forced where libmount would use fsconfig(2), which cuts each option at 256 bytes.
 */
async function overlayMount(layers: readonly string[], mountPoint: string, workDir: string): Promise<string | undefined> {
  const lower = join(workDir, 'lower');
  await rm(lower, { recursive: true, force: true });
  for (const part of ['upper', 'work', 'lower']) await mkdir(join(workDir, part), { recursive: true, mode: 0o755 });
  for (const [index, layer] of layers.entries()) await symlink(layer, join(lower, index.toString(36)));
  const newestFirst = layers.map((_layer, index) => index.toString(36)).reverse();
  const options = `lowerdir=${newestFirst.join(':')},upperdir=../upper,workdir=../work`;
  const result = await execa('mount', ['-t', 'overlay', '-o', options, 'seal-rootfs', mountPoint], {
    cwd: lower,
    env: { LIBMOUNT_FORCE_MOUNT2: 'always', LC_ALL: 'C' },
    reject: false,
  });
  if (result.exitCode === 0) return undefined;
  return result.stderr.trim() || result.shortMessage || 'mount failed without a word';
}

/** Copied beside and renamed, so that the place never holds half a rootfs. */
async function copyRootfs(layers: readonly string[], mountPoint: string): Promise<void> {
  const partial = join(dirname(mountPoint), `${basename(mountPoint)}.partial-${newId('c', systemRandom)}`);
  await mkdir(dirname(mountPoint), { recursive: true });
  try {
    await mkdir(partial, { mode: 0o755 });
    for (const layer of layers) await applyLayer(layer, partial);
    await removeDirectory(mountPoint);
    await rename(partial, mountPoint);
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  }
}

async function removeDirectory(path: string): Promise<void> {
  const nested = (await readMounts()).find(({ mountPoint }) => mountPoint === path || mountPoint.startsWith(`${path}/`));
  if (nested)
    throw new Problem('ROOTFS_BUSY', `${nested.mountPoint} is still mounted`, { details: { mountPoint: nested.mountPoint } });
  await rm(path, { recursive: true, force: true });
}

async function realLayer(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch (cause) {
    throw new Problem('ROOTFS_MOUNT_FAILED', `the unpacked layer ${directory} is not there`, { cause, details: { directory } });
  }
}

async function readRecord(workDir: string): Promise<RootfsRecord | undefined> {
  const text = await readFile(join(workDir, 'rootfs.json'), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}

async function writeRecord(workDir: string, record: RootfsRecord): Promise<void> {
  await writeFileDurably(join(workDir, 'rootfs.json'), `${JSON.stringify(record)}\n`);
}
