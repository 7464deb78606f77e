import type { StepKey } from '../../agent/src/runner/step-key.ts';

/** One time that the work of a step was begun on a node, as an all-seeing observer knows it. */
export interface Run {
  readonly token: string;
  readonly node: string;
  /** Under which it was sent. */
  readonly key: StepKey;
  /** How many runs of the same token were before it. */
  readonly number: number;
  readonly begunAt: number;
  hadEffect: boolean;
  /** The agent has signalled its process. */
  wasSignalled: boolean;
  /** Its exit code; `vanished` when it left none. */
  end: number | 'vanished' | undefined;
  /** Nobody on the node can know its end any more. */
  isEndLost: boolean;
}
