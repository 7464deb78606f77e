import type { ProblemData } from '@seal/foundation';
import type { StepOutcome } from '@seal/plan';
import { type agentProto, problemFromWire } from '@seal/protocol';

/** How one attempt of a step ended. */
export interface FinishedStep {
  readonly outcome: StepOutcome;
  readonly attempt: number;
  readonly exitCode?: number;
  readonly problem?: ProblemData;
  readonly durationMs: number;
}

/** What an agent reports of the end of a step. */
export function finishedStep(wire: agentProto.StepFinished): FinishedStep {
  return {
    outcome: wire.outcome as StepOutcome,
    attempt: wire.attempt,
    ...(wire.exitCode === undefined ? {} : { exitCode: wire.exitCode }),
    ...(wire.problem ? { problem: problemFromWire(wire.problem) } : {}),
    durationMs: wire.durationMs,
  };
}
