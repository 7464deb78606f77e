import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulate } from './simulate.ts';

/** 2 000 worlds by default; SEAL_SIMULATION_SEEDS sets another number. */
const seeds = Number(process.env.SEAL_SIMULATION_SEEDS ?? 2000);

describe('the engine under seeded faults', () => {
  it(`keeps every invariant in ${seeds} worlds, and ends or says why it waits`, async () => {
    const broken: string[] = [];
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { violation, statuses } = await simulate({ seed });
      if (violation) broken.push(`seed ${seed}: ${violation.invariant}: ${violation.message}`);
      for (const status of statuses) ends.set(status, (ends.get(status) ?? 0) + 1);
    }
    assert.deepEqual(broken, [], 'see: npm run simulate -- --seed SEED --trace');
    // A simulation in which nothing succeeds, fails or is cancelled would prove little.
    for (const status of ['SUCCEEDED', 'FAILED', 'CANCELLED'])
      assert.ok((ends.get(status) ?? 0) > seeds / 50, `too few operations ${status}: ${[...ends].join(' ')}`);
  });

  it('replays a seed exactly: the same events at the same times', async () => {
    for (const seed of [3, 117, 345, 1845]) {
      const [first, second] = [await simulate({ seed, keepTrace: true }), await simulate({ seed, keepTrace: true })];
      assert.ok(first.events > 100, `seed ${seed} has a story`);
      assert.deepEqual(second.trace, first.trace);
      assert.equal(second.traceHash, first.traceHash);
      assert.equal((await simulate({ seed })).traceHash, first.traceHash, 'keeping the trace changes nothing');
    }
  });

  it('tells other stories for other seeds', async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) hashes.add((await simulate({ seed })).traceHash);
    assert.equal(hashes.size, 20);
  });
});
