import type { Step } from '@seal/plan';
import type { StepKey } from './step-key.ts';

/** A server's command to do one attempt of a step. */
export interface RunCommand {
  readonly operation: string;
  readonly step: Step;
  readonly attempt: number;
  readonly epoch: number;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

/** What the agent knows of a step that the server has not acknowledged. */
export interface StepState extends StepKey {
  readonly state: 'running' | 'finished' | 'lost';
}
