import { type OperationView, type Phase, type Plan, type Step, type StepView, unavailableLimit } from '@seal/plan';

/** A step with its state. */
export interface Item {
  readonly step: Step;
  readonly state: StepView;
}

/** What has failed in an operation so far, and whether the rest may go on without it. */
export interface NodeFailures {
  readonly items: readonly Item[];
  /** Nodes to which those failures are put down. */
  readonly nodes: ReadonlySet<string>;
  /** False where a failure stops the operation: fail-fast, a master, or more workers than may be unavailable. */
  readonly tolerated: boolean;
  /** How many workers may be unavailable at once. */
  readonly limit: number;
}

/** Looks at phases that have failed or run now only: in the others nothing has failed. */
export function nodeFailures(plan: Plan, view: OperationView): NodeFailures {
  const items = plan.phases
    .filter((phase) => mayHoldFailures(phase, view))
    .flatMap((phase) => phase.steps.map((step) => ({ step, state: stateOf(plan, view, step) })))
    .filter(isFailed);
  const nodes = new Set(items.map(blamedNode));
  const workers = new Set(plan.nodes.filter((node) => node.role !== 'master').map((node) => node.id));
  const limit = unavailableLimit(view.policy.maxUnavailable, workers.size);
  const tolerated = view.policy.onFailure === 'continue' && nodes.size <= limit && [...nodes].every((node) => workers.has(node));
  return { items, nodes, tolerated: items.length === 0 || tolerated, limit };
}

/** The state of a step of the plan. */
export function stateOf(plan: Plan, view: OperationView, step: Step): StepView {
  const state = view.steps.get(step.id);
  if (!state) throw new Error(`step ${step.id} of plan ${plan.id} has no state`);
  return state;
}

/** The node whose part of the work a step is. */
export function subjectOf(step: Step): string {
  return step.about ?? step.node;
}

/** Nodes of a phase at once: less than its parallelism where it takes workers out of service and only so many may be. */
export function nodesAtOnce(plan: Plan, phase: Phase, failures: NodeFailures): number {
  const workers = new Set(plan.nodes.filter((node) => node.role !== 'master').map((node) => node.id));
  if (!phase.destructive || !phase.steps.every((step) => workers.has(step.node))) return phase.parallelism;
  return Math.min(phase.parallelism, Math.max(1, failures.limit - failures.nodes.size));
}

export const isInFlight = (item: Item) => item.state.status === 'DISPATCHED' || item.state.status === 'STARTED';
export const isFailed = (item: Item) =>
  !item.step.mayFail && (item.state.status === 'FAILED' || item.state.status === 'UNKNOWN' || item.state.status === 'CANCELLED');
export const isDone = (item: Item) => item.state.status !== 'PENDING' && !isInFlight(item);

function mayHoldFailures(phase: Phase, view: OperationView): boolean {
  const status = view.phases.get(phase.name)?.status;
  return status === 'RUNNING' || status === 'FAILED';
}

/** A node that could not be reached to do something about another one failed itself. */
function blamedNode({ step, state }: Item): string {
  return state.problem?.code === 'NODE_UNREACHABLE' ? step.node : subjectOf(step);
}
