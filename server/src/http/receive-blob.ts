import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import type { BlobFiles } from './blob-files.ts';

/**
 * Streams the body of a request into a file beside the store, hashing on the way, and hands it over when its digest is the one announced.
 * Whatever goes wrong, nothing is left behind. Problems: BLOB_DIGEST_MISMATCH, DISK_FULL, REQUEST_INVALID.
 */
export async function receiveBlob(request: IncomingMessage, digest: string, blobs: BlobFiles, bytesMax: number): Promise<void> {
  await mkdir(blobs.temporaryFolder, { recursive: true, mode: 0o700 });
  const path = join(blobs.temporaryFolder, `put-${randomUUID()}`);
  try {
    const received = await write(request, path, bytesMax);
    if (received !== digest)
      throw new Problem(
        'BLOB_DIGEST_MISMATCH',
        `the bytes sent for ${digest} have the digest ${received}; they were thrown away`,
      );
    await blobs.adopt(digest, path);
  } catch (error) {
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    throw full ? new Problem('DISK_FULL', `no space left for ${digest} below ${blobs.temporaryFolder}`, { cause: error }) : error;
  } finally {
    await rm(path, { force: true });
  }
}

async function write(request: IncomingMessage, path: string, bytesMax: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  try {
    let bytes = 0;
    // Not destroyed on a refusal, so that the answer can still be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new Problem('REQUEST_INVALID', `the blob has more than the ${bytesMax} bytes allowed`);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}`;
}
