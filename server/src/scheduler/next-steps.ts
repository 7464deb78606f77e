import { Problem, type ProblemData } from '@seal/foundation';
import type { OperationView, Phase, Plan, Step, StepView } from '@seal/plan';

/** What the scheduler may know of nodes: undefined while the agent is connected, else since when it is away (ms). */
export type AwaySince = (nodeId: string) => number | undefined;

export interface SchedulingFacts {
  readonly now: number;
  readonly awaySince: AwaySince;
  /** How long an operation waits for a node that it needs. */
  readonly graceSeconds: number;
}

export type Decision =
  | { readonly kind: 'start-phase'; readonly phase: string }
  | { readonly kind: 'dispatch'; readonly step: Step; readonly attempt: number }
  /** The step's node is away for too long: its outcome is written down without it. */
  | {
      readonly kind: 'give-up';
      readonly step: Step;
      readonly outcome: 'FAILED' | 'UNKNOWN' | 'CANCELLED';
      readonly problem: ProblemData;
    }
  | { readonly kind: 'cancel'; readonly step: Step; readonly attempt: number }
  | { readonly kind: 'finish-phase'; readonly phase: string; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED' }
  | { readonly kind: 'finish-operation'; readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'; readonly problem?: ProblemData }
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'continue' };

/**
 * What may happen next in an operation. Pure: the same plan, view and facts give the same decisions.
 *
 * INVARIANTS:
 * - Phases run one after another; a phase starts only when every earlier one SUCCEEDED.
 * - Steps of one node run in their order, one at a time; a failed step (unless `mayFail`) stops everything that is not yet in flight.
 * - At most `phase.parallelism` nodes are begun and not done.
 * - Only nodes of the plan get steps (asserted).
 */
export function nextSteps(plan: Plan, view: OperationView, facts: SchedulingFacts): Decision[] {
  if (view.status === 'SUCCEEDED' || view.status === 'FAILED' || view.status === 'CANCELLED') return [];
  const phase = plan.phases.find((candidate) => view.phases.get(candidate.name)?.status !== 'SUCCEEDED');
  if (!phase) return [{ kind: 'finish-operation', status: 'SUCCEEDED' }];
  const status = view.phases.get(phase.name)?.status;
  if (status === 'PENDING' && view.cancelRequested)
    return [{ kind: 'finish-operation', status: 'CANCELLED', problem: cancelled(view) }];
  if (status === 'PENDING') return [{ kind: 'start-phase', phase: phase.name }];
  return withinPhase(plan, phase, view, facts);
}

function withinPhase(plan: Plan, phase: Phase, view: OperationView, facts: SchedulingFacts): Decision[] {
  const lanes = lanesOf(plan, phase, view);
  const inFlight = lanes.flatMap((lane) => lane.items.filter(isInFlight));
  const failed = lanes.flatMap((lane) => lane.items.filter((item) => isFailed(item)));
  if (failed.length > 0 || view.cancelRequested) return stopping(phase, view, inFlight, failed, facts);
  if (lanes.every((lane) => lane.items.every(isDone))) return [{ kind: 'finish-phase', phase: phase.name, status: 'SUCCEEDED' }];

  const decisions: Decision[] = [];
  const absent: string[] = [];
  for (const lane of openLanes(lanes, phase.parallelism)) {
    const item = lane.items.find((candidate) => !isDone(candidate));
    if (!item) continue;
    const away = facts.awaySince(lane.node);
    if (away !== undefined && isOverdue(away, facts)) decisions.push(giveUp(item, plan, away, facts));
    else if (away !== undefined) absent.push(lane.node);
    else if (item.state.status === 'PENDING')
      decisions.push({ kind: 'dispatch', step: item.step, attempt: item.state.attempt + 1 });
  }
  const progressing = decisions.length > 0 || inFlight.some((item) => facts.awaySince(item.step.node) === undefined);
  if (!progressing && absent.length > 0) return waitFor(plan, absent, view, facts);
  return view.status === 'WAITING' ? [{ kind: 'continue' }, ...decisions] : decisions;
}

interface Item {
  readonly step: Step;
  readonly state: StepView;
}

/** The steps of one node in a phase, in order. */
interface Lane {
  readonly node: string;
  readonly items: readonly Item[];
}

function lanesOf(plan: Plan, phase: Phase, view: OperationView): Lane[] {
  const nodes = new Set(plan.nodes.map((node) => node.id));
  const lanes = new Map<string, Item[]>();
  for (const step of phase.steps) {
    if (!nodes.has(step.node)) throw new Error(`step ${step.id} is for node ${step.node}, which is not in plan ${plan.id}`);
    const state = view.steps.get(step.id);
    if (!state) throw new Error(`step ${step.id} of plan ${plan.id} has no state`);
    const lane = lanes.get(step.node);
    if (lane) lane.push({ step, state });
    else lanes.set(step.node, [{ step, state }]);
  }
  return Array.from(lanes, ([node, items]) => ({ node, items }));
}

/** Lanes that may act now: those begun and not done, then new ones in plan order while there is room. */
function openLanes(lanes: readonly Lane[], parallelism: number): Lane[] {
  const undone = lanes.filter((lane) => !lane.items.every(isDone));
  const begun = undone.filter((lane) => lane.items.some((item) => item.state.status !== 'PENDING'));
  const fresh = undone.filter((lane) => lane.items.every((item) => item.state.status === 'PENDING'));
  return [...begun, ...fresh.slice(0, Math.max(0, parallelism - begun.length))];
}

/** After a failure or a cancel: nothing new begins; what is in flight ends (or is ended), then the phase and the operation. */
function stopping(phase: Phase, view: OperationView, inFlight: Item[], failed: Item[], facts: SchedulingFacts): Decision[] {
  if (inFlight.length > 0)
    return inFlight.flatMap((item): Decision[] => {
      const away = facts.awaySince(item.step.node);
      if (away !== undefined && (view.cancelRequested || isOverdue(away, facts))) return [giveUpInFlight(item, away, facts)];
      return view.cancelRequested ? [{ kind: 'cancel', step: item.step, attempt: item.state.attempt }] : [];
    });
  const status = view.cancelRequested ? 'CANCELLED' : 'FAILED';
  const problem = view.cancelRequested ? cancelled(view) : failure(view, failed);
  return [
    { kind: 'finish-phase', phase: phase.name, status },
    { kind: 'finish-operation', status, problem },
  ];
}

const isInFlight = (item: Item) => item.state.status === 'DISPATCHED' || item.state.status === 'STARTED';
const isFailed = (item: Item) =>
  !item.step.mayFail && (item.state.status === 'FAILED' || item.state.status === 'UNKNOWN' || item.state.status === 'CANCELLED');
const isDone = (item: Item) => item.state.status !== 'PENDING' && !isInFlight(item);
const isOverdue = (away: number, facts: SchedulingFacts) => facts.now - away >= facts.graceSeconds * 1000;

function giveUp(item: Item, plan: Plan, away: number, facts: SchedulingFacts): Decision {
  if (isInFlight(item)) return giveUpInFlight(item, away, facts);
  const node = plan.nodes.find((candidate) => candidate.id === item.step.node);
  return {
    kind: 'give-up',
    step: item.step,
    outcome: 'FAILED',
    problem: unreachable(`${node?.name ?? item.step.node} (${node?.ip ?? 'no address'})`, away, facts),
  };
}

function giveUpInFlight(item: Item, away: number, facts: SchedulingFacts): Decision {
  return { kind: 'give-up', step: item.step, outcome: 'UNKNOWN', problem: unreachable(item.step.node, away, facts) };
}

function unreachable(node: string, away: number, facts: SchedulingFacts): ProblemData {
  const seconds = Math.round((facts.now - away) / 1000);
  return new Problem('NODE_UNREACHABLE', `node ${node} has been away for ${seconds} s (limit ${facts.graceSeconds} s)`).toJSON();
}

function waitFor(plan: Plan, absent: readonly string[], view: OperationView, facts: SchedulingFacts): Decision[] {
  const names = absent.map((id) => {
    const node = plan.nodes.find((candidate) => candidate.id === id);
    return `${node?.name ?? id} (${node?.ip ?? 'no address'})`;
  });
  const reason = `waiting at most ${facts.graceSeconds} s for ${names.join(', ')}: the agent is not connected`;
  return view.waitingFor === reason ? [] : [{ kind: 'wait', reason }];
}

function cancelled(view: OperationView): ProblemData {
  return new Problem('CANCELLED', `operation ${view.operation} was cancelled`, {
    remedy: `Go on with "sealctl operation resume ${view.operation}".`,
  }).toJSON();
}

function failure(view: OperationView, failed: readonly Item[]): ProblemData {
  const first = failed[0];
  const others = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
  const why = first?.state.problem?.message ?? (first?.state.exitCode === undefined ? '' : `exit code ${first.state.exitCode}`);
  return new Problem('OPERATION_FAILED', `step "${first?.step.title}" failed${others}: ${why}`, {
    remedy: `See "sealctl operation logs ${view.operation}", mend the cause, then "sealctl operation resume ${view.operation}".`,
    details: { steps: failed.map((item) => item.step.id), cause: first?.state.problem?.code ?? 'STEP_FAILED' },
  }).toJSON();
}
