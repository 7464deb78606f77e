import type { StepArgs, StepKind } from '@seal/plan';
import type { StepCommand } from '../runner/process-port.ts';

/** What a step gets beside its args. */
export interface StepContext {
  readonly attempt: number;
  /** Aborted when the step is cancelled, runs out of time or the agent stops. */
  readonly signal: AbortSignal;
  /** Values of the secret references in the args. Never written to journal, log or output. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** Adds one line to the step's output. */
  print(line: string): Promise<void>;
}

/** `SKIPPED`: there was nothing to do, by the step's own terms. */
export type AgentOutcome = 'SUCCEEDED' | 'SKIPPED';

/**
 * A kind of step: run inside the agent (idempotent, may be aborted and done again), or as a process that outlives it.
 * Failures are thrown as Problems.
 */
export type StepHandler<A> =
  | { readonly place: 'agent'; perform(args: A, context: StepContext): Promise<AgentOutcome> }
  | {
      readonly place: 'process';
      prepare(args: A, context: StepContext): Promise<{ command: StepCommand; okExitCodes: readonly number[] } | 'SKIPPED'>;
    };

/** One for each kind of the catalogue: a missing one does not compile. */
export type StepHandlers = { readonly [K in StepKind]: StepHandler<StepArgs[K]> };
