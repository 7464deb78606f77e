import { type OperationPolicy, type OperationView, type Phase, type Plan, type Step, stallSecondsOf } from '@seal/plan';
import type { SchedulingFacts } from './decision.ts';
import { type Item, isInFlight } from './node-failures.ts';

const defaultCancelGraceSeconds = 60;

/**
 * Milliseconds until a time limit of the operation ends that has not ended yet; undefined when none runs. Nothing that `nextSteps` would
 * decide by the clock alone comes sooner.
 */
export function untilNextLimit(plan: Plan, view: OperationView, facts: SchedulingFacts): number | undefined {
  const phase = plan.phases.find((candidate) => view.phases.get(candidate.name)?.status === 'RUNNING');
  const items = (phase?.steps ?? []).flatMap((step): Item[] => {
    const state = view.steps.get(step.id);
    return state && isInFlight({ step, state }) ? [{ step, state }] : [];
  });
  const ends = [
    ...plan.nodes.map((node) => endOf(facts.awaySince(node.id), facts.graceSeconds)),
    ...limitsOf(phase, view).map((limit) => endOf(limit.since, limit.seconds)),
    ...items.flatMap((item) => [
      endOf(endingAway(item, view, facts), cancelGraceSeconds(facts)),
      endOf(facts.activeAt?.(item.step.id, item.state.attempt), stallSeconds(item.step, view.policy)),
      endOf(facts.cancelledAt?.(item.step.id, item.state.attempt), cancelGraceSeconds(facts)),
    ]),
  ].filter((end) => end !== undefined && end > facts.now);
  return ends.length > 0 ? Math.min(...(ends as number[])) - facts.now : undefined;
}

/** The time limit that has run out and is not written down yet. */
export function timeUp(
  phase: Phase,
  view: OperationView,
  now: number,
): { readonly seconds: number; readonly phase?: string } | undefined {
  if (view.endingSince !== undefined) return undefined;
  const limit = limitsOf(phase, view).find(({ since, seconds }) => now - since >= seconds * 1000);
  return limit && { seconds: limit.seconds, ...(limit.phase === undefined ? {} : { phase: limit.phase }) };
}

/** True when the node of a step in flight is connected, and nothing has come of the step for long enough to be told of (once per silence). */
export function isStalled({ step, state }: Item, view: OperationView, facts: SchedulingFacts): boolean {
  const active = facts.activeAt?.(step.id, state.attempt);
  if (active === undefined || (state.stalledAt !== undefined && state.stalledAt >= active)) return false;
  return facts.now - active >= stallSeconds(step, view.policy) * 1000;
}

export function stallSeconds(step: Step, policy: OperationPolicy): number {
  return policy.stallSeconds ?? stallSecondsOf(step);
}

export function cancelIsUnanswered({ step, state }: Item, facts: SchedulingFacts): boolean {
  const told = facts.cancelledAt?.(step.id, state.attempt);
  return told !== undefined && facts.now - told >= cancelGraceSeconds(facts) * 1000;
}

export function cancelGraceSeconds(facts: SchedulingFacts): number {
  return facts.cancelGraceSeconds ?? defaultCancelGraceSeconds;
}

/** True when a node is away for longer than an operation waits for it. */
export function isOverdue(away: number, facts: SchedulingFacts): boolean {
  return facts.now - away >= facts.graceSeconds * 1000;
}

/** Since when both a step is to end and its node is away. */
function endingAway({ step }: Item, view: OperationView, facts: SchedulingFacts): number | undefined {
  const away = facts.awaySince(step.node);
  return away === undefined || view.endingSince === undefined ? undefined : Math.max(away, view.endingSince);
}

interface Limit {
  readonly since: number;
  readonly seconds: number;
  readonly phase?: string;
}

function limitsOf(phase: Phase | undefined, view: OperationView): Limit[] {
  const startedAt = phase && view.phases.get(phase.name)?.status === 'RUNNING' && view.phases.get(phase.name)?.startedAt;
  const { timeoutSeconds } = view.policy;
  return [
    ...(timeoutSeconds === undefined ? [] : [{ since: view.runSince, seconds: timeoutSeconds }]),
    ...(phase?.timeoutSeconds === undefined || typeof startedAt !== 'number'
      ? []
      : [{ since: startedAt, seconds: phase.timeoutSeconds, phase: phase.name }]),
  ];
}

function endOf(since: number | undefined, seconds: number): number | undefined {
  return since === undefined ? undefined : since + seconds * 1000;
}
