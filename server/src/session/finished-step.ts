import { Problem, type ProblemData } from '@seal/foundation';
import type { Step, StepOutcome } from '@seal/plan';
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

/** The end of a step that its agent lost half-way while its operation was to end. */
export function lostWhileEnding(step: Step, attempt: number): FinishedStep {
  const message = `how far step "${step.title}" got before its node or agent died is not known; its operation was to end, so it is not tried again`;
  return { outcome: 'UNKNOWN', attempt, problem: new Problem('CANCELLED', message).toJSON(), durationMs: 0 };
}
