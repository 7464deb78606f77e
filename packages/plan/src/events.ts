import type { ProblemData } from '@seal/foundation';

/** States of a step. UNKNOWN is a state people see: Seal cannot tell whether the effect took. */
export type StepStatus = 'PENDING' | 'DISPATCHED' | 'STARTED' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'SKIPPED' | 'CANCELLED';

/** WAITING: goes on by itself when the stated reason ends (a node is away). */
export type OperationStatus = 'PENDING' | 'RUNNING' | 'WAITING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export type StepOutcome = 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'SKIPPED' | 'CANCELLED';

/** What happened, append-only. Status is a fold over these (`foldOperation`); nothing else stores status. */
export type OperationEventBody =
  | { readonly type: 'operation-created'; readonly requestedBy: string }
  | { readonly type: 'operation-started' }
  /** Nothing can go on until the reason ends. */
  | { readonly type: 'operation-waiting'; readonly reason: string }
  | { readonly type: 'operation-continued' }
  | { readonly type: 'cancel-requested'; readonly requestedBy: string }
  /** After FAILED or CANCELLED: what did not succeed is to be tried again. */
  | { readonly type: 'resume-requested'; readonly requestedBy: string }
  | { readonly type: 'operation-finished'; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'; readonly problem?: ProblemData }
  | { readonly type: 'phase-started'; readonly phase: string }
  | { readonly type: 'phase-finished'; readonly phase: string; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED' }
  | { readonly type: 'step-dispatched'; readonly step: string; readonly attempt: number; readonly epoch: number }
  | { readonly type: 'step-started'; readonly step: string; readonly attempt: number }
  | {
      readonly type: 'step-finished';
      readonly step: string;
      readonly attempt: number;
      readonly outcome: StepOutcome;
      readonly exitCode?: number;
      readonly problem?: ProblemData;
      readonly durationMs: number;
    };

export type OperationEvent = OperationEventBody & {
  /** Position in the operation's log, from 1, without gaps. */
  readonly seq: number;
  /** Server's wall clock, ms since the epoch. */
  readonly at: number;
  readonly operation: string;
};
