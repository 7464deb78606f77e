import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeFileDurably } from '../store/durable-file.ts';
import type { ImageStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';

const layerRecordSchema = z.object({ digest: z.string(), sizeBytes: z.number(), diffId: z.string() });

/** A layer that lies in the store. */
export interface BuiltLayer {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** True when it was found and not made. */
  readonly cached: boolean;
}

/** The layer that was remembered under a key (`sha256:…`), if its blob is still in the store. */
export async function findCachedLayer(store: ImageStore, key: string): Promise<BuiltLayer | undefined> {
  const text = await readFile(cachePath(store, key), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text === undefined) return undefined;
  const record = layerRecordSchema.parse(JSON.parse(text));
  if (!(await store.hasBlob(record.digest))) return undefined;
  return { ...record, mediaType: mediaTypes.layerGzip, cached: true };
}

/** Remembers a layer under a key for the next build. */
export async function rememberLayer(
  store: ImageStore,
  key: string,
  { digest, sizeBytes, diffId }: Pick<BuiltLayer, 'digest' | 'sizeBytes' | 'diffId'>,
): Promise<void> {
  await writeFileDurably(cachePath(store, key), `${JSON.stringify({ digest, sizeBytes, diffId })}\n`);
}

/** Whether a layer of entries of that shape (all but their content) was made here before. */
export async function knowsShape(store: ImageStore, shape: string): Promise<boolean> {
  return access(shapePath(store, shape)).then(
    () => true,
    (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return false;
      throw thrown;
    },
  );
}

/** Notes a shape. Nothing is lost when it goes: then a layer is made once more. */
export async function rememberShape(store: ImageStore, shape: string): Promise<void> {
  await writeFileDurably(shapePath(store, shape), '');
}

function cachePath(store: ImageStore, key: string): string {
  return join(store.directory, 'cache', `${key.slice('sha256:'.length)}.json`);
}

function shapePath(store: ImageStore, shape: string): string {
  return join(store.directory, 'cache', `${shape.slice('sha256:'.length)}.shape`);
}
