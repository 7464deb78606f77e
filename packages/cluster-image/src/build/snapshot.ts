import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlannedEntry } from './planned-entry.ts';

interface SnapshotNode {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode: number;
  /** Changes with every change of content or metadata; ctime cannot be set back. Of directories only the mode counts. */
  readonly stamp: string;
  readonly target: string;
}

/** The state of a rootfs at one moment, by path. */
export type Snapshot = ReadonlyMap<string, SnapshotNode>;

/** Looks at every file of a rootfs, without reading any. */
export async function takeSnapshot(rootfs: string): Promise<Snapshot> {
  const nodes = new Map<string, SnapshotNode>();
  await walk(rootfs, '', nodes);
  return nodes;
}

async function walk(rootfs: string, directory: string, nodes: Map<string, SnapshotNode>): Promise<void> {
  for (const name of await readdir(join(rootfs, directory))) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const absolute = join(rootfs, path);
    const stats = await lstat(absolute, { bigint: true });
    const mode = Number(stats.mode) & 0o7777;
    const isDirectory = stats.isDirectory();
    const isLink = stats.isSymbolicLink();
    nodes.set(path, {
      kind: isDirectory ? 'directory' : isLink ? 'symlink' : stats.isFile() ? 'file' : 'other',
      mode,
      stamp: isDirectory ? '' : `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
      target: isLink ? await readlink(absolute) : '',
    });
    if (isDirectory) await walk(rootfs, path, nodes);
  }
}

export interface SnapshotDifference {
  readonly entries: readonly PlannedEntry[];
  /** Sockets, pipes and devices that were left behind: a layer cannot hold them. */
  readonly skipped: readonly string[];
}

/** The layer that makes `after` of `before`: what is new or changed, removal markers for what is gone, and their directories. */
export function diffSnapshots(rootfs: string, before: Snapshot, after: Snapshot): SnapshotDifference {
  const entries = new Map<string, PlannedEntry>();
  const skipped: string[] = [];
  for (const [path, node] of after) {
    const old = before.get(path);
    if (old && old.kind === node.kind && old.mode === node.mode && old.stamp === node.stamp && old.target === node.target)
      continue;
    if (node.kind === 'other') {
      skipped.push(path);
      if (old && old.kind !== 'other') addMarker(entries, path);
    } else entries.set(path, toEntry(rootfs, path, node));
  }
  for (const path of before.keys()) {
    const parent = parentOf(path);
    // With a directory goes what is in it; a directory that became a file hides it anyway.
    if (!after.has(path) && (parent === '' || after.get(parent)?.kind === 'directory')) addMarker(entries, path);
  }
  for (const path of [...entries.keys()]) {
    for (let parent = parentOf(path); parent !== '' && !entries.has(parent); parent = parentOf(parent)) {
      const node = after.get(parent);
      if (node) entries.set(parent, toEntry(rootfs, parent, node));
    }
  }
  return { entries: [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), skipped };
}

function toEntry(rootfs: string, path: string, { kind, mode, target }: SnapshotNode): PlannedEntry {
  if (kind === 'directory') return { path, kind, mode };
  if (kind === 'symlink') return { path, kind, mode: 0o777, target };
  return { path, kind: 'file', mode, content: { path: join(rootfs, path) } };
}

function addMarker(entries: Map<string, PlannedEntry>, path: string): void {
  const parent = parentOf(path);
  const name = path.slice(parent === '' ? 0 : parent.length + 1);
  const marker = `${parent === '' ? '' : `${parent}/`}.wh.${name}`;
  entries.set(marker, { path: marker, kind: 'file', mode: 0o644, content: { bytes: Buffer.alloc(0) } });
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}
