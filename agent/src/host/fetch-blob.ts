import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';
import type { LayerRef } from '@seal/plan';
import pRetry, { AbortError } from 'p-retry';
import type { BlobSource } from './blob-source.ts';

export interface FetchOptions {
  readonly source: BlobSource;
  /** Where the blob is put; what came so far waits beside it in `<path>.partial`. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Called now and then with the bytes that are there. */
  readonly onProgress: (bytes: number) => void;
  /** Default 6, over about a minute. */
  readonly retries?: number;
  /** Before the first retry; doubles. Default 1000. */
  readonly retryDelayMs?: number;
}

/** Free space that is left untouched. */
const reserveBytes = 256 * 1024 * 1024;

/**
 * Fetches a blob, going on from what an earlier try left, and verifies size and SHA-256 before it gets its name.
 * Problems: NODE_DISK_FULL, BLOB_FETCH_FAILED, BLOB_DIGEST_MISMATCH.
 */
export async function fetchBlob(layer: LayerRef, options: FetchOptions): Promise<void> {
  const partial = `${options.path}.partial`;
  await mkdir(dirname(partial), { recursive: true, mode: 0o700 });
  await checkSpace(layer, partial);
  let mismatches = 0;
  const attempt = async () => {
    try {
      await fetchOnce(layer, partial, options);
    } catch (error) {
      if (error instanceof Problem && error.code === 'BLOB_DIGEST_MISMATCH') mismatches += 1;
      throw isFinal(error) || mismatches > 1 ? new AbortError(error as Error) : error;
    }
  };
  try {
    await pRetry(attempt, {
      retries: options.retries ?? 6,
      minTimeout: options.retryDelayMs ?? 1000,
      randomize: true,
      signal: options.signal,
    });
  } catch (error) {
    options.signal.throwIfAborted();
    throw asProblem(layer, error);
  }
  await rename(partial, options.path);
}

async function fetchOnce(layer: LayerRef, partial: string, { source, signal, onProgress }: FetchOptions): Promise<void> {
  let have = await sizeOf(partial);
  if (have > layer.sizeBytes) have = 0;
  let hash = createHash('sha256');
  if (have > 0) await hashFile(partial, have, hash);
  if (have < layer.sizeBytes || layer.sizeBytes === 0) {
    const opened = await source.open(layer.digest, have, signal);
    if (opened.offset !== have) hash = createHash('sha256');
    await append(partial, opened, hash, layer, onProgress, signal);
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found === layer.digest) return;
  await rm(partial, { force: true }); // nothing of it can be trusted: the next try begins anew
  throw new Problem('BLOB_DIGEST_MISMATCH', `the bytes received for ${layer.digest} have the digest ${found}`);
}

async function append(
  partial: string,
  opened: { readonly offset: number; readonly body: AsyncIterable<Uint8Array> },
  hash: Hash,
  layer: LayerRef,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(partial, opened.offset === 0 ? 'w' : 'r+', 0o600);
  let position = opened.offset;
  try {
    for await (const chunk of opened.body) {
      signal.throwIfAborted();
      if (position + chunk.length > layer.sizeBytes)
        throw new Problem('BLOB_DIGEST_MISMATCH', `more than the ${layer.sizeBytes} bytes of ${layer.digest} were sent`);
      await file.write(chunk, 0, chunk.length, position);
      hash.update(chunk);
      position += chunk.length;
      onProgress(position);
    }
    if (position < layer.sizeBytes)
      throw new Problem(
        'BLOB_FETCH_FAILED',
        `the transfer of ${layer.digest} was cut after ${position} of ${layer.sizeBytes} bytes`,
      );
    await file.sync();
  } catch (error) {
    if (error instanceof Problem && error.code === 'BLOB_DIGEST_MISMATCH') await rm(partial, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function hashFile(path: string, bytes: number, hash: Hash): Promise<void> {
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
}

async function checkSpace(layer: LayerRef, partial: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(partial));
  const needed = layer.sizeBytes - (await sizeOf(partial)) + reserveBytes;
  if (bavail * bsize >= needed) return;
  const mib = (bytes: number) => Math.ceil(bytes / 1024 / 1024);
  throw new Problem(
    'NODE_DISK_FULL',
    `${dirname(partial)} has ${mib(bavail * bsize)} MiB free; ${layer.digest} needs ${mib(needed)} MiB`,
  );
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function isFinal(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || (error instanceof Problem && error.details.final === true);
}

function asProblem(layer: LayerRef, error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new Problem('NODE_DISK_FULL', `no space left while fetching ${layer.digest}`, { cause: error });
  return new Problem('BLOB_FETCH_FAILED', `cannot fetch ${layer.digest}: ${message}`, { cause: error });
}
