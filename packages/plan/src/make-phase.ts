import type { Phase } from './plan.ts';
import type { Step } from './step.ts';
import { stepId } from './step-id.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A step before its id is known. */
export type StepDraft = WithoutId<Step>;

export interface PhaseDraft {
  readonly name: string;
  readonly title: string;
  readonly destructive?: boolean;
  /** Default: all nodes at once. */
  readonly parallelism?: number;
  readonly timeoutSeconds?: number;
  readonly needsAll?: boolean;
  readonly steps: readonly StepDraft[];
}

/** Gives every step of a phase its id. A phase without steps stays out of a plan: see `makePhases`. */
export function makePhase(planId: string, draft: PhaseDraft): Phase {
  const steps = draft.steps.map((step, position) => ({ ...step, id: stepId(planId, draft.name, position, step) }) as Step);
  return {
    name: draft.name,
    title: draft.title,
    destructive: draft.destructive ?? false,
    parallelism: draft.parallelism ?? Math.max(1, new Set(steps.map((step) => step.node)).size),
    ...(draft.timeoutSeconds === undefined ? {} : { timeoutSeconds: draft.timeoutSeconds }),
    ...(draft.needsAll ? { needsAll: true } : {}),
    steps,
  };
}

/** Phases of a plan from their drafts, in order; drafts without steps are left out. */
export function makePhases(planId: string, drafts: readonly PhaseDraft[]): Phase[] {
  return drafts.filter((draft) => draft.steps.length > 0).map((draft) => makePhase(planId, draft));
}
