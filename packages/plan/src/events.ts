import type { ProblemData } from '@seal/foundation';
import type { OperationPolicy } from './operation-policy.ts';

/** States of a step. UNKNOWN is a state people see: Seal cannot tell whether the effect took. */
export type StepStatus = 'PENDING' | 'DISPATCHED' | 'STARTED' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'SKIPPED' | 'CANCELLED';

/** WAITING: goes on by itself when the stated reason ends (a node is away). */
export type OperationStatus = 'PENDING' | 'RUNNING' | 'WAITING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export type StepOutcome = 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'SKIPPED' | 'CANCELLED';

/** What happened, append-only. Status is a fold over these (`foldOperation`); nothing else stores status. */
export type OperationEventBody =
  | {
      readonly type: 'operation-created';
      readonly requestedBy: string;
      /** Absent: `defaultPolicy`. */
      readonly policy?: OperationPolicy;
      /** The operation that this one takes back. */
      readonly rollbackOf?: string;
    }
  | { readonly type: 'operation-started' }
  /** Nothing can go on until the reason ends. */
  | { readonly type: 'operation-waiting'; readonly reason: string }
  | { readonly type: 'operation-continued' }
  | { readonly type: 'cancel-requested'; readonly requestedBy: string }
  /** After FAILED or CANCELLED: what did not succeed is to be tried again. */
  | { readonly type: 'resume-requested'; readonly requestedBy: string; readonly policy?: Partial<OperationPolicy> }
  /** Somebody wants the rest of a node's steps left out. */
  | { readonly type: 'node-skipped'; readonly node: string; readonly requestedBy: string }
  /** Steps that will not run: their node failed before (and the operation goes on without it), or it was asked for. */
  | {
      readonly type: 'steps-skipped';
      readonly node: string;
      readonly reason: 'node-failed' | 'asked';
      readonly steps: readonly string[];
    }
  /** The step's node is connected and nothing has come from the step for so long. */
  | { readonly type: 'step-stalled'; readonly step: string; readonly attempt: number; readonly seconds: number }
  /** Time is up: what is in flight is ended, nothing new begins. `phase` absent: the time of the operation. */
  | { readonly type: 'operation-timed-out'; readonly seconds: number; readonly phase?: string }
  /** After the end of the operation: another one takes back what this one began. */
  | { readonly type: 'operation-rolled-back'; readonly by: string; readonly requestedBy: string }
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
