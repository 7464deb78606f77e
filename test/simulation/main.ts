import { parseArgs } from 'node:util';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

/** `npm run simulate -- [--seeds N] [--seed S] [--trace]`: N worlds from seed S on; exit code 1 when one breaks an invariant. */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const [seeds, first] = [Number(values.seeds), Number(values.seed)];
const startedAt = performance.now();
let failures = 0;
let events = 0;
const ends = new Map<string, number>();
for (let seed = first; seed < first + seeds; seed += 1) {
  const run = await simulate({ seed, keepTrace: values.trace });
  events += run.events;
  for (const status of run.statuses) ends.set(status, (ends.get(status) ?? 0) + 1);
  if (values.trace) process.stdout.write(`${run.trace.join('\n')}\n`);
  if (seeds === 1 || run.violation)
    process.stdout.write(
      `seed ${seed}: ${run.violation ? `${run.violation.invariant}: ${run.violation.message}` : 'all invariants hold'}; `,
    );
  if (seeds === 1 || run.violation)
    process.stdout.write(`${run.events} events, ${Math.round(run.lasted / 1000)} s simulated, trace ${run.traceHash}\n`);
  if (!run.violation) continue;
  failures += 1;
  const kinds = await shrink(run);
  process.stdout.write(
    `  needs ${kinds.length > 0 ? kinds.join(', ') : 'no fault at all'}; see: npm run simulate -- --seed ${seed} --trace\n`,
  );
}
const seconds = (performance.now() - startedAt) / 1000;
const tally = [...ends].sort().map(([status, count]) => `${count} ${status}`);
process.stdout.write(
  `${seeds} seeds, ${failures} failed, ${seconds.toFixed(1)} s (${(seeds / seconds).toFixed(0)} seeds/s, ${Math.round(events / seeds)} events each); operations: ${tally.join(', ')}\n`,
);
process.exitCode = failures > 0 ? 1 : 0;
