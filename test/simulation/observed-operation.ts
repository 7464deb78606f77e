import { type OperationView, type Phase, type Plan, type Step, type StepView, unavailableLimit } from '@seal/plan';

export interface OfStep {
  readonly operation: ObservedOperation;
  readonly state: StepView;
}

export interface ObservedOperation {
  readonly id: string;
  readonly plan: Plan;
  readonly view: OperationView;
  /** When its log grew last, ms. */
  changedAt: number;
  /** When people resumed it. */
  readonly resumedAt: number[];
}

export const isInFlight = (step: StepView) => step.status === 'DISPATCHED' || step.status === 'STARTED';
export const isDone = (step: StepView) => step.status !== 'PENDING' && !isInFlight(step);

/** The operation among them that a step belongs to. */
export function ofStep(operations: readonly ObservedOperation[], step: string): OfStep | undefined {
  for (const operation of operations) {
    const state = operation.view.steps.get(step);
    if (state) return { operation, state };
  }
  return undefined;
}

/** The first phase before `name` that has not ended, or has failed in an operation that a failure stops. */
export function openPhaseBefore({ view, plan }: Pick<ObservedOperation, 'view' | 'plan'>, name: string): string | undefined {
  const earlier = plan.phases.slice(
    0,
    plan.phases.findIndex((phase) => phase.name === name),
  );
  return earlier.find((phase) => {
    const status = view.phases.get(phase.name)?.status;
    return status !== 'SUCCEEDED' && !(status === 'FAILED' && view.policy.onFailure === 'continue');
  })?.name;
}

/** The node whose part of the work a step is. */
export function subjectOf(step: Step): string {
  return step.about ?? step.node;
}

/** Nodes to which a failure is put down of a step that must not fail. */
export function failedNodes({ view, plan }: Pick<ObservedOperation, 'view' | 'plan'>): string[] {
  const failed = plan.phases
    .flatMap((phase) => phase.steps)
    .flatMap((step) => {
      const state = view.steps.get(step.id);
      if (step.mayFail || !state || !['FAILED', 'UNKNOWN', 'CANCELLED'].includes(state.status)) return [];
      // Where it was to be done nobody was to be reached.
      return [state.problem?.code === 'NODE_UNREACHABLE' ? step.node : subjectOf(step)];
    });
  return [...new Set(failed)];
}

/** How many nodes of a phase may be begun and not done. */
export function mostAtOnce({ view, plan }: Pick<ObservedOperation, 'view' | 'plan'>, phase: Phase): number {
  const workers = workersOf(plan);
  if (!phase.destructive || phase.steps.some(({ node }) => !workers.includes(node))) return phase.parallelism;
  const limit = unavailableLimit(view.policy.maxUnavailable, workers.length);
  return Math.min(phase.parallelism, Math.max(1, limit - failedNodes({ view, plan }).length));
}

export function workersOf(plan: Plan): string[] {
  return plan.nodes.filter(({ role }) => role !== 'master').map(({ id }) => id);
}

/** Nodes of a phase that are begun and not done; after a resume, of which some may wait for their turn, those in flight. */
export function openNodes(phase: Phase, view: OperationView, resumed: boolean): string[] {
  const nodes = [...new Set(phase.steps.map(({ node }) => node))];
  return nodes.filter((node) => {
    const lane = phase.steps.flatMap((step) => (step.node === node ? [view.steps.get(step.id) as StepView] : []));
    const isBegun = resumed ? lane.some(isInFlight) : lane.some((step) => step.status !== 'PENDING' && !step.skipped);
    return isBegun && !lane.every(isDone);
  });
}
