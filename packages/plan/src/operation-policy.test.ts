import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailableLimit } from './operation-policy.ts';

const limits: readonly (readonly [given: string | undefined, workers: number, limit: number])[] = [
  [undefined, 100, Number.POSITIVE_INFINITY],
  ['3', 100, 3],
  ['3', 1, 3],
  ['10%', 100, 10],
  ['10%', 19, 1],
  ['10%', 20, 2],
  ['10%', 3, 1],
  ['1%', 0, 1],
  ['100%', 7, 7],
];
for (const [given, workers, limit] of limits)
  test(`of ${workers} workers, ${given ?? 'no limit'} lets ${limit} be unavailable`, () =>
    assert.equal(unavailableLimit(given, workers), limit));

for (const given of ['0', '0%', '101%', '-1', '1.5', '', '%', 'all', '10 %'])
  test(`"${given}" is refused as a limit`, () => assert.throws(() => unavailableLimit(given, 10), { code: 'USAGE' }));
