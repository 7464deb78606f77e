import { Problem } from '@seal/foundation';
import type { Finished } from './runner-ports.ts';

/** The answer to a command for which nothing was done. */
export function refusal(problem: Problem, outcome: 'FAILED' | 'CANCELLED' | 'UNKNOWN' = 'FAILED'): Finished {
  return { outcome, problem: problem.toJSON(), durationMs: 0, stdoutBytes: 0, stderrBytes: 0 };
}

/** How a step ends that is cancelled while nothing of it runs. One that may have had an effect before it was lost is UNKNOWN: a resume has to know. */
export function cancelledUnbegun(step: string, mayHaveRun: boolean): Finished {
  if (!mayHaveRun) return refusal(new Problem('CANCELLED', `step ${step} was cancelled`), 'CANCELLED');
  const message = `step ${step} was cancelled after it was lost: Seal cannot tell whether it took effect`;
  return refusal(new Problem('STEP_UNKNOWN', message), 'UNKNOWN');
}

/** The answer to a command whose step was begun under a higher attempt and lost. */
export function overtaken(step: string): Finished {
  const message = `step ${step} was begun under a higher attempt and lost: Seal cannot tell whether it took effect`;
  return refusal(new Problem('STEP_UNKNOWN', message), 'UNKNOWN');
}
