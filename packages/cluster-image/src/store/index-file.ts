import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { writeFileDurably } from './durable-file.ts';
import { withLock } from './lock-file.ts';
import { type Descriptor, type ImageIndex, parseIndex } from './manifest.ts';
import { mediaTypes } from './media-types.ts';

/** The annotation of an OCI layout that carries an image's name. */
export const nameAnnotation = 'org.opencontainers.image.ref.name';
/** When the image came into this store, milliseconds since the epoch; kept in index.json so that it does not alter any digest. */
export const addedAnnotation = 'io.seal.added-at-ms';

/** The images of the store, as index.json lists them. Throws IMAGE_STORE_DAMAGED. */
export async function readIndexFile(storeDirectory: string): Promise<ImageIndex> {
  const path = join(storeDirectory, 'index.json');
  try {
    return parseIndex(await readFile(path), path);
  } catch (cause) {
    throw new Problem('IMAGE_STORE_DAMAGED', `the image store's ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
      details: { path },
      remedy: `Without its list no image of the store can be found: put ${path} back from a copy, or move the store away and load or build the images again.`,
    });
  }
}

/**
 * Reads, changes and replaces index.json under the store's lock, so that processes take turns. `change` may also delete blobs: nobody
 * can name one in the meantime. Nothing is written when it gives back the same list.
 */
export async function changeIndexFile(
  storeDirectory: string,
  change: (manifests: readonly Descriptor[]) => Promise<readonly Descriptor[]> | readonly Descriptor[],
): Promise<void> {
  await withLock(join(storeDirectory, 'lock'), async () => {
    const { manifests } = await readIndexFile(storeDirectory);
    const changed = await change(manifests);
    if (changed !== manifests) await writeIndexFile(storeDirectory, changed);
  });
}

export async function writeIndexFile(storeDirectory: string, manifests: readonly Descriptor[]): Promise<void> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  await writeFileDurably(join(storeDirectory, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
}
