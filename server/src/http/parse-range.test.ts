import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRange } from './parse-range.ts';

describe('Range header', () => {
  it('gives the part that one range of bytes names', () => {
    assert.deepEqual(parseRange('bytes=0-0', 10), { start: 0, end: 0 });
    assert.deepEqual(parseRange('bytes=3-', 10), { start: 3, end: 9 });
    assert.deepEqual(parseRange('bytes=3-99', 10), { start: 3, end: 9 });
    assert.deepEqual(parseRange('bytes=-4', 10), { start: 6, end: 9 });
    assert.deepEqual(parseRange('bytes=-40', 10), { start: 0, end: 9 });
  });

  it('is unsatisfiable from the end on', () => {
    for (const header of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) assert.equal(parseRange(header, 10), 'unsatisfiable');
    assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable');
    assert.equal(parseRange('bytes=-1', 0), 'unsatisfiable');
  });

  it('is not followed when it is absent, malformed, of another unit or several', () => {
    for (const header of [
      undefined,
      '',
      'bytes=',
      'bytes=-',
      'bytes=5-3',
      'bytes=0-1,3-4',
      'lines=1-2',
      'bytes=a-b',
      'bytes=1e3-',
    ])
      assert.equal(parseRange(header, 10), 'whole');
  });
});
