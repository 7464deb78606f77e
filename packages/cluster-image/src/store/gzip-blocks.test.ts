import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzipBlocks } from './gzip-blocks.ts';

async function gzip(pieces: Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of gzipBlocks(pieces)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const text = (bytes: number) => Buffer.alloc(bytes, 'the quick brown fox jumps over the lazy dog, ');
const noise = randomBytes(700_000);
const inputs: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  'text over several blocks': text(1_300_000),
  noise,
  'text and noise in turns': Buffer.concat(
    Array.from({ length: 40 }, (_, at) => (at % 2 ? text(23_000) : noise.subarray(at, at + 31_000))),
  ),
  'a block exactly': text(512 * 1024),
  'the same noise again': Buffer.concat([noise.subarray(0, 20_000), noise.subarray(0, 20_000)]),
};

for (const [name, bytes] of Object.entries(inputs)) {
  test(`gives gzip and zlib back what it took: ${name}`, async () => {
    const packed = await gzip([bytes]);
    assert.deepEqual(gunzipSync(packed), bytes);
    assert.deepEqual(execFileSync('gzip', ['-dc'], { input: packed, maxBuffer: 1e8 }), bytes);
  });
}

test('gives the same bytes however they come', async () => {
  const bytes = inputs['text and noise in turns'] as Buffer;
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + ((at * 7919) % 90_000);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  assert.deepEqual(await gzip(pieces), await gzip([bytes]));
});

test('shrinks what can be shrunk, and adds next to nothing to the rest', async () => {
  assert.ok((await gzip([text(1_300_000)])).length < 20_000);
  assert.ok((await gzip([noise])).length < noise.length + 200);
});

test('ends with the reader', async () => {
  for await (const _chunk of gzipBlocks([text(5_000_000)])) break;
});
