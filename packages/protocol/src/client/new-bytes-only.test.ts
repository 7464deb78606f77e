import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newBytesOnly } from './new-bytes-only.ts';

const chunk = (offset: number, text: string, stream = 1) => ({
  step: 's',
  attempt: 1,
  stream,
  offset,
  data: Buffer.from(text),
  droppedBytes: 0,
});

test('the new part of an overlapping chunk passes, with its own offset', () => {
  const filter = newBytesOnly();
  filter(chunk(0, 'abc'));
  assert.deepEqual(filter(chunk(1, 'bcde')), chunk(3, 'de'));
});

test('streams of a step are counted apart', () => {
  const filter = newBytesOnly();
  filter(chunk(0, 'abc'));
  assert.deepEqual(filter(chunk(0, 'abc', 2)), chunk(0, 'abc', 2));
});

test('however a text is cut and sent again, it arrives once and whole', () => {
  const text = 'the quick brown fox jumps over the lazy dog';
  const pieces = fc.array(fc.tuple(fc.nat(text.length), fc.nat(12)), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, (cuts) => {
      const filter = newBytesOnly();
      let arrived = '';
      let sent = 0;
      // A server never skips ahead: each chunk begins at or before what was sent so far; the last one sends the whole text.
      for (const [from, length] of [...cuts, [0, text.length] as const]) {
        const offset = Math.min(from, sent);
        arrived += Buffer.from(filter(chunk(offset, text.slice(offset, offset + length)))?.data ?? '');
        sent = Math.max(sent, Math.min(text.length, offset + length));
      }
      assert.equal(arrived, text);
    }),
  );
});
