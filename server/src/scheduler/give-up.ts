import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import type { Decision, SchedulingFacts } from './decision.ts';
import type { Item } from './node-failures.ts';
import { cancelGraceSeconds } from './time-limits.ts';

type GiveUp = Extract<Decision, { kind: 'give-up' }>;

/** Nothing was sent: the step has certainly not run. */
export function giveUpAbsent(item: Item, plan: Plan, away: number, facts: SchedulingFacts): GiveUp {
  return giveUp(item, 'FAILED', unreachable(namesOf(plan, [item.step.node]), away, facts));
}

/** The step was sent to a node that is away. */
export function giveUpInFlight(item: Item, plan: Plan, away: number, facts: SchedulingFacts): GiveUp {
  return giveUp(item, 'UNKNOWN', unreachable(namesOf(plan, [item.step.node]), away, facts));
}

/** The node is connected and has not said that the step has ended. */
export function giveUpUnanswered(item: Item, facts: SchedulingFacts): GiveUp {
  const message = `step "${item.step.title}" was told to end, and its agent has said nothing of it for ${cancelGraceSeconds(facts)} s`;
  return giveUp(item, 'UNKNOWN', new Problem('CANCEL_UNANSWERED', message, { details: { node: item.step.node } }));
}

/** "n1 (10.0.0.12), n2 (10.0.0.13)". */
export function namesOf(plan: Plan, ids: readonly string[]): string {
  return ids
    .map((id) => {
      const node = plan.nodes.find((candidate) => candidate.id === id);
      return `${node?.name ?? id} (${node?.ip ?? 'no address'})`;
    })
    .join(', ');
}

function giveUp({ step }: Item, outcome: 'FAILED' | 'UNKNOWN', problem: Problem): GiveUp {
  return { kind: 'give-up', step, outcome, problem: problem.toJSON() };
}

function unreachable(node: string, away: number, facts: SchedulingFacts): Problem {
  const seconds = Math.round((facts.now - away) / 1000);
  return new Problem('NODE_UNREACHABLE', `node ${node} has been away for ${seconds} s (limit ${facts.graceSeconds} s)`);
}
