import { posix } from 'node:path';
import type { BuildState } from '../build-state.ts';
import type { PlannedEntry } from '../planned-entry.ts';

/** Blobs of at least so many bytes get a layer of their own, at most so many of them: a rootfs is mounted of all its layers. */
const ownLayerBytes = 4 * 1024 * 1024;
const mostOwnLayers = 96;

/**
 * The layers for the collected images: a large blob is one of its own, so that one more image in a list makes, stores and sends only its own
 * blobs anew; everything else is the last layer. Each has the directories of its entries, with the modes of the rootfs.
 */
export function splitLayers(entries: readonly PlannedEntry[], state: BuildState): PlannedEntry[][] {
  const large = entries
    .filter(({ content }) => content && 'digest' in content && content.sizeBytes >= ownLayerBytes)
    .sort((a, b) => sizeOf(b) - sizeOf(a) || (a.path < b.path ? -1 : 1))
    .slice(0, mostOwnLayers);
  const own = new Set(large);
  const small = entries.filter((entry) => !own.has(entry));
  const byPath = large.sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...byPath.map((entry) => [entry]), small].filter((layer) => layer.length > 0).map((layer) => withParents(layer, state));
}

function sizeOf({ content }: PlannedEntry): number {
  return content && 'sizeBytes' in content ? content.sizeBytes : 0;
}

function withParents(entries: readonly PlannedEntry[], state: BuildState): PlannedEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries)
    for (let parent = posix.dirname(path); parent !== '.' && !all.has(parent); parent = posix.dirname(parent))
      all.set(parent, { path: parent, kind: 'directory', mode: state.tree.get(parent)?.mode ?? 0o755 });
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
