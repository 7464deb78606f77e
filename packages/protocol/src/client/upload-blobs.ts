import { Problem } from '@seal/foundation';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import type { BlobSource } from './blob-sender.ts';
import type { SealClient } from './connect.ts';

export interface UploadProgress {
  /** Bytes that are there: had before, or sent by now. Shrinks when a transfer is begun anew. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Bytes that the server lacked at the beginning. */
  readonly missingBytes: number;
}

export interface UploadOptions {
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Transfers at a time. Default 4. */
  readonly parallel?: number;
  /** Attempts per blob when a transfer breaks. Default 4. */
  readonly attempts?: number;
}

/**
 * Sends those of `blobs` that the server lacks, several at a time; gives how much was sent.
 * A broken transfer is tried again; what the server refuses is not. Problems: BLOB_UPLOAD_FAILED, those of the server.
 */
export async function uploadBlobs(
  client: Pick<SealClient, 'images' | 'blobs'>,
  blobs: readonly BlobSource[],
  { onProgress, parallel = 4, attempts = 4 }: UploadOptions = {},
): Promise<{ sentBlobs: number; sentBytes: number }> {
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
  const { missing } = await client.images.findMissingBlobs({ digests: [...byDigest.keys()] });
  const wanted = missing.map((digest) => byDigest.get(digest)).filter((blob) => blob !== undefined);
  const totalBytes = sum([...byDigest.values()]);
  const missingBytes = sum(wanted);
  let doneBytes = totalBytes - missingBytes;
  const report = (count: number) => {
    doneBytes += count;
    onProgress?.({ doneBytes, totalBytes, missingBytes });
  };
  report(0);
  const limit = pLimit(parallel);
  const stop = new AbortController();
  await Promise.all(
    wanted.map((blob) =>
      limit(() => sendOne(client, blob, report, attempts, stop.signal)).catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    ),
  );
  return { sentBlobs: wanted.length, sentBytes: missingBytes };
}

async function sendOne(
  client: Pick<SealClient, 'blobs'>,
  blob: BlobSource,
  report: (count: number) => void,
  attempts: number,
  signal: AbortSignal,
): Promise<void> {
  await pRetry(
    async () => {
      let sent = 0;
      try {
        await client.blobs.put(blob, (count) => {
          sent += count;
          report(count);
        });
      } catch (error) {
        report(-sent);
        throw error;
      }
    },
    {
      retries: attempts - 1,
      minTimeout: 300,
      maxTimeout: 5000,
      signal,
      shouldRetry: ({ error }) => error instanceof Problem && error.code === 'BLOB_UPLOAD_FAILED',
    },
  );
}

function sum(blobs: readonly BlobSource[]): number {
  return blobs.reduce((total, blob) => total + blob.sizeBytes, 0);
}
