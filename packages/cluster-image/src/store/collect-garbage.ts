import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPath } from './blobs.ts';
import type { Descriptor } from './manifest.ts';
import { partsOf, readImageParts } from './read-image.ts';
import { oldestSessionStart } from './session.ts';

export interface GarbageResult {
  readonly removedBlobs: number;
  readonly freedBytes: number;
}

/** A blob that no image needs. */
export interface GarbageBlob {
  readonly digest: string;
  readonly sizeBytes: number;
}

/**
 * Deletes the blobs that none of `manifests` needs. Call it only under the store's lock. Kept are blobs written or touched since the oldest
 * living session began (a build may be about to name them) or within `graceSeconds`. Where a manifest cannot be read nothing is deleted:
 * what it needs is not known.
 */
export async function collectGarbage(
  storeDirectory: string,
  manifests: readonly Descriptor[],
  nowMs: number,
  graceSeconds: number,
): Promise<GarbageResult> {
  const { blobs } = await findGarbage(storeDirectory, manifests, nowMs, graceSeconds);
  await deleteBlobs(storeDirectory, blobs);
  return { removedBlobs: blobs.length, freedBytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** What collectGarbage would delete; `unreadable`: the image whose manifest cannot be read, for which nothing would be. */
export async function findGarbage(
  storeDirectory: string,
  manifests: readonly Descriptor[],
  nowMs: number,
  graceSeconds: number,
): Promise<{ readonly blobs: readonly GarbageBlob[]; readonly unreadable?: Descriptor }> {
  const needed = new Set<string>();
  for (const descriptor of manifests) {
    const parts = await readImageParts(storeDirectory, descriptor.digest).catch(() => undefined);
    if (!parts) return { blobs: [], unreadable: descriptor };
    for (const { digest } of [descriptor, ...partsOf(parts)]) needed.add(digest);
  }
  const oldest = await oldestSessionStart(storeDirectory);
  const cutoff = Math.min(oldest ?? Number.POSITIVE_INFINITY, nowMs - graceSeconds * 1000);
  const blobs: GarbageBlob[] = [];
  for (const hex of await readdir(join(storeDirectory, 'blobs', 'sha256'))) {
    const digest = `sha256:${hex}`;
    if (needed.has(digest)) continue;
    const { mtimeMs, size } = await stat(join(storeDirectory, 'blobs', 'sha256', hex));
    // Equal times are kept: clocks of file systems are coarse.
    if (graceSeconds > 0 || oldest !== undefined ? mtimeMs >= cutoff : false) continue;
    blobs.push({ digest, sizeBytes: size });
  }
  return { blobs };
}

/** Deletes blobs with what is kept beside them. Only under the store's lock. */
export async function deleteBlobs(storeDirectory: string, blobs: readonly GarbageBlob[]): Promise<void> {
  for (const { digest } of blobs) {
    const hex = digest.slice('sha256:'.length);
    await rm(join(storeDirectory, 'blobs', 'sha256', hex), { force: true });
    await rm(join(storeDirectory, 'layer-index', `${hex}.json`), { force: true });
  }
}

/** Which of the blobs that an image needs are not in the store. */
export async function missingBlobs(
  storeDirectory: string,
  descriptors: readonly { readonly digest: string; readonly size: number }[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const { digest, size } of descriptors) {
    const found = await stat(blobPath(storeDirectory, digest)).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return undefined;
      throw thrown;
    });
    if (found?.size !== size) missing.push(digest);
  }
  return missing;
}
