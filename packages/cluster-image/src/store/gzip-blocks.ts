import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { looksRandom } from './looks-random.ts';

/** INVARIANT: these decide the digest of a layer, together with the zlib of the bundled Node; a change needs another `layerFormat`. */
const level = 4;
const segmentBytes = 16 * 1024;
export const gzipBlockBytes = 512 * 1024;

/** libuv has four threads; more blocks than that only cost memory. */
const atOnce = 4;
/** So many blocks after it, nobody looks at a block any more: it may be overwritten. */
export const blocksInUse = atOnce + 2;
const windowBytes = 32 * 1024;
const mostStoredBytes = 0xffff;

const deflateRun = promisify(deflateRaw) as (bytes: Buffer, options: object) => Promise<Buffer>;
// No name, no time, unknown system: the same bytes everywhere.
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/**
 * The gzip of every layer of Seal, one member, made on all cores: blocks are compressed side by side, each with the bytes before it as its
 * dictionary, and what does not shrink (compressed images, archives) is stored. The same bytes give the same result, however they are cut.
 */
export async function* gzipBlocks(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  const underWay: Promise<Buffer>[] = [];
  let check = 0;
  let size = 0;
  let before: Buffer = Buffer.alloc(0);
  yield header;
  try {
    for await (const block of cut(source)) {
      check = crc32(block, check);
      size += block.length;
      underWay.push(compressed(block, before));
      before = block.subarray(-windowBytes);
      if (underWay.length >= atOnce) yield (await underWay.shift()) as Buffer;
    }
    while (underWay.length > 0) yield (await underWay.shift()) as Buffer;
  } finally {
    // Where the reader left early nobody else waits for these.
    await Promise.allSettled(underWay);
  }
  const end = Buffer.from([0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  end.writeUInt32LE(check, 2);
  end.writeUInt32LE(size % 2 ** 32, 6);
  yield end;
}

/** Deflate's blocks for `block`, ending at a byte; segments that look random are stored, the runs between them compressed. */
async function compressed(block: Buffer, before: Buffer): Promise<Buffer> {
  const parts: (Buffer | Promise<Buffer>)[] = [];
  let start = 0;
  while (start < block.length) {
    const random = looksRandom(block.subarray(start, start + segmentBytes));
    let end = start + segmentBytes;
    while (end < block.length && looksRandom(block.subarray(end, end + segmentBytes)) === random) end += segmentBytes;
    const run = block.subarray(start, end);
    if (random) parts.push(stored(run));
    else parts.push(deflated(run, dictionary(block, start, before)));
    start = end;
  }
  return Buffer.concat(await Promise.all(parts));
}

function dictionary(block: Buffer, start: number, before: Buffer): Buffer {
  if (start >= windowBytes) return block.subarray(start - windowBytes, start);
  return start === 0 ? before : Buffer.concat([before.subarray(start - windowBytes), block.subarray(0, start)]);
}

function deflated(run: Buffer, dictionaryBytes: Buffer): Promise<Buffer> {
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: run.length + segmentBytes };
  return deflateRun(run, dictionaryBytes.length > 0 ? { ...options, dictionary: dictionaryBytes } : options);
}

/** Deflate's stored blocks: a byte, the length, its complement, the bytes. */
function stored(run: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < run.length; at += mostStoredBytes) {
    const bytes = run.subarray(at, at + mostStoredBytes);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(bytes.length, 1);
    head.writeUInt16LE(bytes.length ^ 0xffff, 3);
    parts.push(head, bytes);
  }
  return Buffer.concat(parts);
}

/** Blocks of `gzipBlockBytes`, the last one smaller; pieces that have just that size pass as they are. */
async function* cut(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let block = Buffer.alloc(0);
  let filled = 0;
  for await (const chunk of source) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (filled === 0 && bytes.length - at >= gzipBlockBytes) {
        yield bytes.subarray(at, at + gzipBlockBytes);
        at += gzipBlockBytes;
        continue;
      }
      if (filled === 0) block = Buffer.allocUnsafe(gzipBlockBytes);
      const copied = bytes.copy(block, filled, at);
      filled += copied;
      at += copied;
      if (filled === gzipBlockBytes) {
        yield block;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
