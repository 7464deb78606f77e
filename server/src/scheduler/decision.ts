import type { ProblemData } from '@seal/foundation';
import type { Step } from '@seal/plan';

/** What the scheduler may know of nodes: undefined while the agent is connected, else since when it is away (ms). */
export type AwaySince = (nodeId: string) => number | undefined;

export interface SchedulingFacts {
  readonly now: number;
  readonly awaySince: AwaySince;
  /** How long an operation waits for a node that it needs. */
  readonly graceSeconds: number;
  /** When something came from a step in flight, or its node came back, ms; undefined: this server has heard nothing of it yet. */
  readonly activeAt?: (stepId: string, attempt: number) => number | undefined;
  /** When this server first told a step to end, ms. */
  readonly cancelledAt?: (stepId: string, attempt: number) => number | undefined;
  /** How long an agent may leave a cancel unanswered. Default 60. */
  readonly cancelGraceSeconds?: number;
}

export type Decision =
  | { readonly kind: 'start-phase'; readonly phase: string }
  | { readonly kind: 'dispatch'; readonly step: Step; readonly attempt: number }
  /** The step's node is away or silent for too long: its outcome is written down without it. */
  | {
      readonly kind: 'give-up';
      readonly step: Step;
      readonly outcome: 'FAILED' | 'UNKNOWN' | 'CANCELLED';
      readonly problem: ProblemData;
    }
  | { readonly kind: 'cancel'; readonly step: Step; readonly attempt: number }
  | { readonly kind: 'skip'; readonly node: string; readonly reason: 'node-failed' | 'asked'; readonly steps: readonly string[] }
  | { readonly kind: 'stall'; readonly step: Step; readonly attempt: number; readonly seconds: number }
  | { readonly kind: 'time-out'; readonly seconds: number; readonly phase?: string }
  | { readonly kind: 'finish-phase'; readonly phase: string; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED' }
  | { readonly kind: 'finish-operation'; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'; readonly problem?: ProblemData }
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'continue' };
