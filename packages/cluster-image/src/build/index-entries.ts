import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { archivedNames, isImageArchive } from '../rootfs/archived-names.ts';
import { emptyLayerIndex, isTextOfInterest, keepLayerIndex, noteEntry } from '../rootfs/layer-index.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { PlannedEntry } from './planned-entry.ts';

/** Keeps the index of a layer that was made of `entries` just now, so that nobody has to read the layer for it. */
export async function indexEntries(store: ImageStore, digest: string, entries: readonly PlannedEntry[]): Promise<void> {
  const index = emptyLayerIndex();
  for (const { path, kind, mode, target, content } of entries) {
    noteEntry(index, { path, kind, mode, target: target ?? '' });
    if (kind !== 'file' || !content) continue;
    if (isImageArchive(path))
      index.archived[path] = await archivedNames(
        path,
        'path' in content ? createReadStream(content.path) : Readable.from([content.bytes]),
      );
    const bytes = isTextOfInterest(path) ? ('path' in content ? await readFile(content.path) : content.bytes) : undefined;
    if (bytes && isTextOfInterest(path, bytes.length)) index.texts[path] = bytes.toString('utf8');
  }
  await keepLayerIndex(store, digest, index);
}
