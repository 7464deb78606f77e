import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { Problem } from '@seal/foundation';
import { blocksInUse, gzipBlockBytes } from '../store/gzip-blocks.ts';
import type { PlannedContent, PlannedEntry } from './planned-entry.ts';
import { padding, tarEnd, tarHeader } from './tar-header.ts';

export interface TarOptions {
  readonly epochSeconds: number;
  /** Size of the file of each entry, 0 for what has none. */
  readonly sizes: readonly number[];
  /** Is told the digest of the content of each file, by the index of its entry. */
  readonly onContent: (index: number, digest: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tar of `entries`, in blocks of equal size. Files are read by calls that block, which cost a tenth of the others where files are many; what
 * compresses and writes the blocks works in threads of its own meanwhile. A block is overwritten when `blocksInUse` more were taken. Throws BUILD_INPUT_INVALID when a file changes meanwhile.
 */
export async function* tarBlocks(entries: readonly PlannedEntry[], options: TarOptions): AsyncGenerator<Buffer> {
  const ring = Array.from({ length: blocksInUse + 1 }, () => Buffer.allocUnsafeSlow(gzipBlockBytes));
  let turn = 0;
  let block = ring[0]!;
  let filled = 0;
  const take = (bytes: Buffer): Buffer => {
    const copied = bytes.copy(block, filled);
    filled += copied;
    return bytes.subarray(copied);
  };
  const fresh = () => {
    const full = block;
    turn = (turn + 1) % ring.length;
    block = ring[turn]!;
    filled = 0;
    return full;
  };
  async function* put(bytes: Buffer): AsyncGenerator<Buffer> {
    for (let rest = take(bytes); rest.length > 0 || filled === gzipBlockBytes; rest = take(rest)) yield fresh();
  }
  for (const [index, entry] of entries.entries()) {
    if (options.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
    const size = options.sizes[index] ?? 0;
    const head = tarHeader({ ...entry, size, target: entry.target ?? '' }, options.epochSeconds);
    // Most entries fit: no generator is made for them.
    if (filled + head.length < gzipBlockBytes) filled += head.copy(block, filled);
    else yield* put(head);
    if (entry.kind !== 'file') continue;
    const hash = createHash('sha256');
    if (entry.content && 'path' in entry.content) {
      const file = openContent(entry.content, size);
      try {
        for (let left = size; left > 0; ) {
          const count = readSync(file.descriptor, block, filled, Math.min(left, gzipBlockBytes - filled), null);
          if (count === 0) throw changed(entry.content.path);
          hash.update(block.subarray(filled, filled + count));
          filled += count;
          left -= count;
          if (filled === gzipBlockBytes) yield fresh();
        }
        if (stampOf(fstatSync(file.descriptor, { bigint: true })) !== file.stamp) throw changed(entry.content.path);
      } finally {
        closeSync(file.descriptor);
      }
    } else if (entry.content) {
      hash.update(entry.content.bytes);
      yield* put(entry.content.bytes);
    }
    options.onContent(index, `sha256:${hash.digest('hex')}`);
    yield* put(Buffer.alloc(padding(size)));
  }
  yield* put(tarEnd);
  if (filled > 0) yield block.subarray(0, filled);
}

/** Size of the content of each entry. Throws as `open` would. */
export function contentSizes(entries: readonly PlannedEntry[]): number[] {
  return entries.map(({ kind, content }) => {
    if (kind !== 'file' || !content) return 0;
    return 'bytes' in content ? content.bytes.length : lstatSync(content.path).size;
  });
}

function openContent({ path }: Extract<PlannedContent, { path: string }>, size: number): { descriptor: number; stamp: string } {
  const descriptor = openSync(path, 'r');
  const stats = fstatSync(descriptor, { bigint: true });
  if (stats.isFile() && Number(stats.size) === size) return { descriptor, stamp: stampOf(stats) };
  closeSync(descriptor);
  throw changed(path);
}

function stampOf({ size, ctimeNs }: BigIntStats): string {
  return `${size}:${ctimeNs}`;
}

function changed(path: string): Problem {
  return new Problem('BUILD_INPUT_INVALID', `${path} changed while it was read; build again when nobody writes to it`);
}
