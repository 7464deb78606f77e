import type { OperationView, Phase, Plan } from '@seal/plan';
import type { Decision, SchedulingFacts } from './decision.ts';
import { endProblem } from './end-problems.ts';
import { giveUpAbsent, giveUpInFlight, giveUpUnanswered, namesOf } from './give-up.ts';
import {
  type Item,
  isDone,
  isFailed,
  isInFlight,
  type NodeFailures,
  nodeFailures,
  nodesAtOnce,
  stateOf,
  subjectOf,
} from './node-failures.ts';
import { cancelGraceSeconds, cancelIsUnanswered, isOverdue, isStalled, stallSeconds, timeUp } from './time-limits.ts';

/**
 * What may happen next in an operation. Pure: the same plan, view and facts give the same decisions.
 *
 * INVARIANTS:
 * - Phases run one after another; a phase starts only when every earlier one has ended, and none in a way that stops the operation.
 * - Steps of one node run in their order, one at a time. A failed step (unless `mayFail`) stops everything that is not yet in flight; with
 *   `continue` only what is the failed worker's, as long as no more have failed than may be unavailable.
 * - At most `phase.parallelism` nodes are begun and not done.
 * - Only nodes of the plan get steps (asserted).
 */
export function nextSteps(plan: Plan, view: OperationView, facts: SchedulingFacts): Decision[] {
  if (view.status === 'SUCCEEDED' || view.status === 'FAILED' || view.status === 'CANCELLED') return [];
  const phase = plan.phases.find((candidate) => isOpen(view, candidate));
  const failures = nodeFailures(plan, view);
  if (!phase) return [finishOperation(plan, view, failures)];
  const up = timeUp(phase, view, facts.now);
  if (up) return [{ kind: 'time-out', ...up }];
  if (view.phases.get(phase.name)?.status === 'RUNNING') return withinPhase({ plan, phase, view, facts, failures });
  const stops = view.endingSince !== undefined || !failures.tolerated || (phase.needsAll && failures.items.length > 0);
  return [stops ? finishOperation(plan, view, failures) : { kind: 'start-phase', phase: phase.name }];
}

interface Situation {
  readonly plan: Plan;
  readonly phase: Phase;
  readonly view: OperationView;
  readonly facts: SchedulingFacts;
  readonly failures: NodeFailures;
}

function withinPhase(situation: Situation): Decision[] {
  const { plan, phase, view, facts, failures } = situation;
  const lanes = lanesOf(plan, phase, view);
  const inFlight = lanes.flatMap((lane) => lane.items.filter(isInFlight));
  if (!failures.tolerated || view.endingSince !== undefined) return stopping(situation, inFlight);
  const skips = skipsOf(lanes, situation);
  if (skips.length > 0) return skips;
  if (lanes.every((lane) => lane.items.every(isDone))) return [finishPhase(phase, lanes)];

  const decisions: Decision[] = inFlight.flatMap((item) => overdueInFlight(item, view, facts));
  const absent: string[] = [];
  for (const lane of openLanes(lanes, nodesAtOnce(plan, phase, failures))) {
    const item = lane.items.find((candidate) => !isDone(candidate));
    if (!item) continue;
    const away = facts.awaySince(lane.node);
    if (away !== undefined && isOverdue(away, facts))
      decisions.push(isInFlight(item) ? giveUpInFlight(item, plan, away, facts) : giveUpAbsent(item, plan, away, facts));
    else if (away !== undefined) absent.push(lane.node);
    else if (item.state.status === 'PENDING')
      decisions.push({ kind: 'dispatch', step: item.step, attempt: item.state.attempt + 1 });
  }
  // What is given up is a failure: whether anything new may begin after it is decided when it is written.
  if (decisions.some(({ kind }) => kind === 'give-up')) return decisions.filter(({ kind }) => kind !== 'dispatch');
  const progressing = decisions.length > 0 || inFlight.some((item) => facts.awaySince(item.step.node) === undefined);
  if (!progressing && absent.length > 0) return waitFor(plan, absent, view, facts);
  return view.status === 'WAITING' ? [{ kind: 'continue' }, ...decisions] : decisions;
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
    const item = { step, state: stateOf(plan, view, step) };
    const lane = lanes.get(step.node);
    if (lane) lane.push(item);
    else lanes.set(step.node, [item]);
  }
  return Array.from(lanes, ([node, items]) => ({ node, items }));
}

/** Lanes that may act now: those in flight, then those begun and not done (a resume may find more of them than fit), then new ones in plan order. */
function openLanes(lanes: readonly Lane[], parallelism: number): Lane[] {
  const undone = lanes.filter((lane) => !lane.items.every(isDone));
  const isBegun = (lane: Lane) => lane.items.some((item) => item.state.status !== 'PENDING' && !item.state.skipped);
  const begun = undone.filter(isBegun);
  const fresh = undone.filter((lane) => !isBegun(lane));
  const acting = begun.filter((lane) => lane.items.some(isInFlight));
  const idle = begun.filter((lane) => !acting.includes(lane));
  return [...acting, ...[...idle, ...fresh].slice(0, Math.max(0, parallelism - acting.length))];
}

/** What is left of nodes that failed, or that somebody wants left out: it will not run. */
function skipsOf(lanes: readonly Lane[], { view, failures }: Situation): Decision[] {
  const pending = lanes.flatMap((lane) => lane.items).filter((item) => item.state.status === 'PENDING');
  const left = pending.filter((item) => view.skippedNodes.has(subjectOf(item.step)) || failures.nodes.has(subjectOf(item.step)));
  return [...new Set(left.map((item) => subjectOf(item.step)))].map((node) => ({
    kind: 'skip',
    node,
    reason: view.skippedNodes.has(node) ? 'asked' : 'node-failed',
    steps: left.filter((item) => subjectOf(item.step) === node).map((item) => item.step.id),
  }));
}

/** A step that is silent for too long is told of, and ended where the policy says so. */
function overdueInFlight(item: Item, view: OperationView, facts: SchedulingFacts): Decision[] {
  if (facts.awaySince(item.step.node) !== undefined) return [];
  const { step, state } = item;
  if (isStalled(item, view, facts))
    return [{ kind: 'stall', step, attempt: state.attempt, seconds: stallSeconds(step, view.policy) }];
  if (state.stalledAt === undefined || view.policy.stallAction !== 'cancel') return [];
  if (cancelIsUnanswered(item, facts)) return [giveUpUnanswered(item, facts)];
  return [{ kind: 'cancel', step, attempt: state.attempt }];
}

/** After a failure, a cancel or the end of the time: nothing new begins; what is in flight ends (or is ended), then the phase and the operation. */
function stopping({ plan, phase, view, facts, failures }: Situation, inFlight: readonly Item[]): Decision[] {
  const ending = view.endingSince !== undefined;
  const limit = { ...facts, graceSeconds: ending ? cancelGraceSeconds(facts) : facts.graceSeconds };
  if (inFlight.length > 0) {
    const decisions = inFlight.flatMap((item): Decision[] => {
      const away = facts.awaySince(item.step.node);
      if (away !== undefined)
        return isOverdue(Math.max(away, view.endingSince ?? away), limit) ? [giveUpInFlight(item, plan, away, limit)] : [];
      if (!ending) return overdueInFlight(item, view, facts);
      if (cancelIsUnanswered(item, facts)) return [giveUpUnanswered(item, facts)];
      return [{ kind: 'cancel', step: item.step, attempt: item.state.attempt }];
    });
    const absent = inFlight.filter((item) => facts.awaySince(item.step.node) !== undefined).map((item) => item.step.node);
    if (decisions.length === 0 && absent.length === inFlight.length) return waitFor(plan, absent, view, limit);
    return view.status === 'WAITING' ? [{ kind: 'continue' }, ...decisions] : decisions;
  }
  return [
    { kind: 'finish-phase', phase: phase.name, status: view.cancelRequested ? 'CANCELLED' : 'FAILED' },
    finishOperation(plan, view, failures),
  ];
}

/** FAILED where a step failed or was left out after a failure: a resume takes the phase up again. */
function finishPhase(phase: Phase, lanes: readonly Lane[]): Decision {
  const whole = lanes.every((lane) => lane.items.every((item) => !isFailed(item) && item.state.skipped !== 'node-failed'));
  return { kind: 'finish-phase', phase: phase.name, status: whole ? 'SUCCEEDED' : 'FAILED' };
}

function finishOperation(plan: Plan, view: OperationView, failures: NodeFailures): Decision {
  return { kind: 'finish-operation', ...(endProblem(plan, view, failures) ?? { status: 'SUCCEEDED' }) };
}

function isOpen(view: OperationView, phase: Phase): boolean {
  const status = view.phases.get(phase.name)?.status;
  return status === 'PENDING' || status === 'RUNNING';
}

function waitFor(plan: Plan, absent: readonly string[], view: OperationView, facts: SchedulingFacts): Decision[] {
  const reason = `waiting at most ${facts.graceSeconds} s for ${namesOf(plan, absent)}: the agent is not connected`;
  return view.waitingFor === reason ? [] : [{ kind: 'wait', reason }];
}
