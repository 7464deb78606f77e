import type { Effect } from '@seal/plan';

/** `cannot-tell`: the probe could not be run, was killed or ran out of time. */
export type ProbeAnswer = 'there' | 'not-there' | 'cannot-tell';

/**
 * How to go on with a step that may have had its effect: `run` it (again), or the outcome that can be stated without running it.
 * `answer` is undefined for a step without probe. Pure.
 */
export function resolveDoubt(effect: Effect, answer: ProbeAnswer | undefined): 'run' | 'SUCCEEDED' | 'UNKNOWN' {
  if (effect === 'idempotent') return 'run';
  if (answer === 'there') return 'SUCCEEDED';
  return effect === 'guarded' && answer === 'not-there' ? 'run' : 'UNKNOWN';
}
