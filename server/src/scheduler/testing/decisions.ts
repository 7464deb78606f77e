import { foldOperation, makePhases, type OperationEventBody, type OperationPolicy, type Plan, type StepDraft } from '@seal/plan';
import type { Decision, SchedulingFacts } from '../decision.ts';
import { nextSteps } from '../next-steps.ts';

type Outcome = 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'CANCELLED';

export const command = (node: string, title: string, more: Partial<StepDraft> = {}): StepDraft =>
  ({
    ...{ title, node, kind: 'run-command', args: { argv: ['true'], env: {} }, effect: 'idempotent', timeoutSeconds: 10 },
    ...more,
  }) as StepDraft;

/** Nodes: m is a master, a to d are workers. */
export function planOf(...drafts: Parameters<typeof makePhases>[1]): Plan {
  const nodes = ['m', 'a', 'b', 'c', 'd'].map((id) => {
    return { id, name: `host-${id}`, ip: `10.0.0.${id}`, role: id === 'm' ? ('master' as const) : ('worker' as const) };
  });
  return { id: 'p', kind: 'install', cluster: 'c1', baseRevision: 0, summary: '', nodes, phases: makePhases('p', drafts) };
}

/** What happened, in short: "a1 FAILED", "one started", "one FAILED", or an event as it is. */
export type Happened = string | OperationEventBody;

export function decide(
  plan: Plan,
  policy: Partial<OperationPolicy>,
  happened: readonly Happened[],
  facts: Partial<SchedulingFacts> = {},
): Decision[] {
  return nextSteps(plan, viewOf(plan, policy, happened), factsOf(facts));
}

export const factsOf = (facts: Partial<SchedulingFacts>): SchedulingFacts => ({
  ...{ now: 1000, awaySince: () => undefined, graceSeconds: 60 },
  ...facts,
});

export function viewOf(plan: Plan, policy: Partial<OperationPolicy>, happened: readonly Happened[]) {
  const created: OperationEventBody = {
    type: 'operation-created',
    requestedBy: 'ada',
    policy: { onFailure: 'fail-fast', stallAction: 'report', ...policy },
  };
  const bodies = [created, { type: 'operation-started' } as const, ...happened.map((one) => eventOf(plan, one))];
  return foldOperation(
    'op',
    plan,
    bodies.map((body, index) => ({ ...body, seq: index + 1, at: 1000, operation: 'op' })),
  );
}

function eventOf(plan: Plan, happened: Happened): OperationEventBody {
  if (typeof happened !== 'string') return happened;
  const [name = '', what = ''] = happened.split(' ');
  if (plan.phases.some((phase) => phase.name === name))
    return what === 'started'
      ? { type: 'phase-started', phase: name }
      : { type: 'phase-finished', phase: name, status: what as 'SUCCEEDED' | 'FAILED' };
  const step = plan.phases.flatMap((phase) => phase.steps).find((found) => found.title === name)?.id ?? 'none';
  if (what === 'sent') return { type: 'step-dispatched', step, attempt: 1, epoch: 1 };
  return { type: 'step-finished', step, attempt: 1, outcome: what as Outcome, durationMs: 1 };
}

/** Decisions in short. */
export function short(plan: Plan, decisions: readonly Decision[]): string[] {
  const titles = new Map(plan.phases.flatMap((phase) => phase.steps.map((step) => [step.id, step.title])));
  return decisions.map((one) => {
    switch (one.kind) {
      case 'dispatch':
        return `dispatch ${one.step.title}`;
      case 'skip':
        return `skip ${one.node} (${one.reason}): ${one.steps.map((id) => titles.get(id)).join(' ')}`;
      case 'stall':
        return `stall ${one.step.title} ${one.seconds}`;
      case 'give-up':
        return `give up ${one.step.title}: ${one.outcome} ${one.problem.code}`;
      case 'cancel':
        return `cancel ${one.step.title}`;
      case 'time-out':
        return `time-out ${one.phase ?? 'operation'} ${one.seconds}`;
      case 'finish-phase':
      case 'finish-operation':
        return `${one.kind} ${one.status}`;
      default:
        return one.kind;
    }
  });
}
