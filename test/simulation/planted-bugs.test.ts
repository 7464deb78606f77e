import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mutants } from './mutants.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

/** A bug that is not found by then would not be found by `npm test` either. */
const seeds = 1000;

describe('a planted bug is caught by the simulation', () => {
  for (const [name, mutant] of Object.entries(mutants))
    it(name, async (context) => {
      for (let seed = 1; seed <= seeds; seed += 1) {
        const run = await simulate({ seed, mutant });
        if (!run.violation) continue;
        const again = await simulate({ seed, mutant });
        assert.deepEqual([again.violation, again.traceHash], [run.violation, run.traceHash], 'it replays');
        assert.equal((await simulate({ seed })).violation, undefined, 'without the bug the same seed is well');
        const needs = await shrink(run, { mutant });
        context.diagnostic(
          `seed ${seed}: ${run.violation.invariant}: ${run.violation.message} (needs ${needs.join(', ') || 'no fault'})`,
        );
        return;
      }
      assert.fail(`not caught within ${seeds} seeds`);
    });
});
