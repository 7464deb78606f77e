import { parseArgs } from 'node:util';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';
import { Tally } from './tally.ts';

/**
 * `npm run simulate -- [--seeds N] [--seed S] [--trace]`: N worlds from seed S on. A world that breaks an invariant is told of at once, with the
 * faults it needs, and the others go on; exit code 1 when there was one.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const [seeds, first] = [Number(values.seeds), Number(values.seed)];
if (!(seeds >= 1) || !(first >= 0)) throw new Error(`--seeds ${values.seeds} --seed ${values.seed}: whole numbers are wanted`);
const say = (text: string) => process.stdout.write(`${text}\n`);
const progressMs = 30_000;

const tally = new Tally();
const failing: number[] = [];
let toldAt = performance.now();
for (let seed = first; seed < first + seeds; seed += 1) {
  const run = await simulate({ seed, keepTrace: values.trace });
  tally.add(run);
  if (values.trace) say(run.trace.join('\n'));
  if (seeds === 1 || run.violation) {
    const verdict = run.violation ? `${run.violation.invariant}: ${run.violation.message}` : 'all invariants hold';
    say(`seed ${seed}: ${verdict}; ${run.events} events, ${Math.round(run.lasted / 1000)} s simulated, trace ${run.traceHash}`);
  }
  if (run.violation) {
    failing.push(seed);
    const kinds = await shrink(run);
    say(`  needs ${kinds.join(', ') || 'no fault at all'}; see: npm run simulate -- --seed ${seed} --trace`);
  }
  if (performance.now() - toldAt < progressMs) continue;
  toldAt = performance.now();
  say(`… to seed ${seed}: ${tally.line}, ${failing.length} failed`);
}
say(`${tally.line}, ${failing.length} failed${failing.length > 0 ? `: ${failing.join(' ')}` : ''}`);
say(`operations: ${tally.statuses}`);
say(`faults: ${tally.faults}`);
process.exitCode = failing.length > 0 ? 1 : 0;
