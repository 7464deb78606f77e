import { createHash } from 'node:crypto';
import { chmod, type FileHandle, open, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { renameDurably, syncPath, withDiskFull } from './durable-file.ts';
import type { StoreSession } from './session.ts';

export interface BlobSize {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface WriteBlobOptions {
  /** Refused with BLOB_DIGEST_MISMATCH as soon as more bytes come. Default: no limit. */
  readonly maximumBytes?: number;
}

const writeBehindBytes = 64 * 1024 * 1024;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Where a blob lies, or would. Throws IMAGE_INVALID for what is no sha256 digest, so that no digest ever becomes another path. */
export function blobPath(storeDirectory: string, digest: string): string {
  if (!digestPattern.test(digest)) throw new Problem('IMAGE_INVALID', `"${digest}" is not a digest "sha256:" and 64 hex digits`);
  return join(storeDirectory, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/** Size of a blob, or undefined when it is not there. */
export async function blobSize(storeDirectory: string, digest: string): Promise<number | undefined> {
  try {
    return (await stat(blobPath(storeDirectory, digest))).size;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Marks a blob as in use now, so that a clean-up in another process leaves it. False when it is not there. */
export async function touchBlob(storeDirectory: string, digest: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(blobPath(storeDirectory, digest), now, now);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
}

/** Streams bytes into the session, then puts them at their digest's place. Throws BLOB_DIGEST_MISMATCH and DISK_FULL; keeps nothing then. */
export async function writeBlob(
  storeDirectory: string,
  session: StoreSession,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  expectedDigest?: string,
  options: WriteBlobOptions = {},
): Promise<BlobSize> {
  const path = session.path('blob');
  const limit = options.maximumBytes ?? Number.POSITIVE_INFINITY;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  return await withDiskFull(storeDirectory, async () => {
    const file = await open(path, 'wx', 0o600);
    const disk = writeBehind(file);
    try {
      for await (const chunk of bytes) {
        sizeBytes += chunk.length;
        if (sizeBytes > limit) {
          const message = `more than the ${limit} announced bytes came for blob ${expectedDigest ?? '(new)'}`;
          throw new Problem('BLOB_DIGEST_MISMATCH', message, { details: { expectedDigest, limit } });
        }
        hash.update(chunk);
        await file.writeFile(chunk);
        disk.wrote(chunk.length);
      }
      await disk.idle();
      disk.mustHaveWorked();
    } catch (thrown) {
      await rm(path, { force: true });
      throw thrown;
    } finally {
      await disk.idle();
      await file.close();
    }
    const digest = `sha256:${hash.digest('hex')}`;
    await placeBlob(storeDirectory, path, digest, expectedDigest);
    return { digest, sizeBytes };
  });
}

/** Sends what was written to the disk while more is made, so that the fsync at the end has little left to wait for. */
function writeBehind(file: FileHandle) {
  let behind = 0;
  let syncing: Promise<void> | undefined;
  let failure: { readonly thrown: unknown } | undefined;
  return {
    wrote(bytes: number): void {
      behind += bytes;
      if (behind < writeBehindBytes || syncing) return;
      behind = 0;
      syncing = file.datasync().then(
        () => {
          syncing = undefined;
        },
        (thrown: unknown) => {
          failure ??= { thrown };
          syncing = undefined;
        },
      );
    },
    async idle(): Promise<void> {
      await syncing;
    },
    mustHaveWorked(): void {
      if (failure) throw failure.thrown;
    },
  };
}

/** Puts a finished file (same file system) at its digest's place after hashing it. The file is gone afterwards, whatever the outcome. */
export async function adoptBlob(storeDirectory: string, path: string, expectedDigest: string): Promise<BlobSize> {
  const { digest, sizeBytes } = await hashFile(path);
  await withDiskFull(storeDirectory, () => placeBlob(storeDirectory, path, digest, expectedDigest));
  return { digest, sizeBytes };
}

/** sha256 and size of a file, read through one buffer: files of many gigabytes leave nothing behind for the collector. */
export async function hashFile(path: string): Promise<BlobSize> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  let sizeBytes = 0;
  const file = await open(path, 'r');
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
  } finally {
    await file.close();
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

async function placeBlob(
  storeDirectory: string,
  path: string,
  digest: string,
  expectedDigest: string | undefined,
): Promise<void> {
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    await rm(path, { force: true });
    throw new Problem('BLOB_DIGEST_MISMATCH', `the bytes of blob ${expectedDigest} have the digest ${digest}`, {
      details: { expectedDigest, digest },
    });
  }
  await chmod(path, 0o644);
  const target = blobPath(storeDirectory, digest);
  // The same content may be there already; replacing it by itself is harmless, and mends a damaged one.
  await syncPath(path);
  await renameDurably(path, target);
}
