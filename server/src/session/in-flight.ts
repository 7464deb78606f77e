import type { Plan, Step, StepView } from '@seal/plan';
import type { LoadedOperation, OperationLog } from '../operation/operation-log.ts';

/** A step that an agent may have in hand: the server waits for its result. */
export interface InFlight {
  readonly loaded: LoadedOperation;
  readonly step: Step;
  readonly state: StepView;
}

/** That step, if it is in flight on that node. */
export function inFlight(log: OperationLog, nodeId: string, stepId: string): InFlight | undefined {
  for (const loaded of log.allActive()) {
    const state = loaded.view.steps.get(stepId);
    if (!state || state.node !== nodeId || !isInFlight(state)) continue;
    const step = stepsOf(loaded.plan).get(stepId);
    if (step) return { loaded, step, state };
  }
  return undefined;
}

/** Every step that is in flight on that node. */
export function inFlightOn(log: OperationLog, nodeId: string): InFlight[] {
  const found: InFlight[] = [];
  for (const loaded of log.allActive())
    for (const phase of loaded.plan.phases) {
      if (loaded.view.phases.get(phase.name)?.status !== 'RUNNING') continue;
      for (const step of phase.steps) {
        const state = step.node === nodeId ? loaded.view.steps.get(step.id) : undefined;
        if (state && isInFlight(state)) found.push({ loaded, step, state });
      }
    }
  return found;
}

/** Asked with every message of an agent; plans never change. */
const steps = new WeakMap<Plan, ReadonlyMap<string, Step>>();

function stepsOf(plan: Plan): ReadonlyMap<string, Step> {
  const known = steps.get(plan) ?? new Map(plan.phases.flatMap((phase) => phase.steps.map((step) => [step.id, step])));
  steps.set(plan, known);
  return known;
}

function isInFlight(state: StepView): boolean {
  return state.status === 'DISPATCHED' || state.status === 'STARTED';
}
