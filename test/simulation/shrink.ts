import type { FaultKind } from './faults.ts';
import { type Simulated, type SimulateOptions, simulate } from './simulate.ts';

/** The kinds of fault without which a failing run no longer breaks the same invariant: leaves one after another out. */
export async function shrink(failed: Simulated, options: Omit<SimulateOptions, 'seed'> = {}): Promise<FaultKind[]> {
  const without = new Set<FaultKind>();
  for (const kind of failed.faults) {
    without.add(kind);
    const { violation } = await simulate({ ...options, seed: failed.seed, without });
    if (violation?.invariant !== failed.violation?.invariant) without.delete(kind);
  }
  return failed.faults.filter((kind) => !without.has(kind));
}
