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
  const needed = new Set<string>();
  for (const descriptor of manifests) {
    const parts = await readImageParts(storeDirectory, descriptor.digest).catch(() => undefined);
    if (!parts) return { removedBlobs: 0, freedBytes: 0 };
    for (const { digest } of [descriptor, ...partsOf(parts)]) needed.add(digest);
  }
  const oldest = await oldestSessionStart(storeDirectory);
  const cutoff = Math.min(oldest ?? Number.POSITIVE_INFINITY, nowMs - graceSeconds * 1000);
  let removedBlobs = 0;
  let freedBytes = 0;
  for (const hex of await readdir(join(storeDirectory, 'blobs', 'sha256'))) {
    const digest = `sha256:${hex}`;
    if (needed.has(digest)) continue;
    const path = join(storeDirectory, 'blobs', 'sha256', hex);
    const { mtimeMs, size } = await stat(path);
    // Equal times are kept: clocks of file systems are coarse.
    if (graceSeconds > 0 || oldest !== undefined ? mtimeMs >= cutoff : false) continue;
    await rm(path, { force: true });
    await rm(join(storeDirectory, 'layer-index', `${hex}.json`), { force: true });
    removedBlobs += 1;
    freedBytes += size;
  }
  return { removedBlobs, freedBytes };
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
