import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { foldOperation, makePhases, type OperationEventBody, type Plan, type StepDraft } from '@seal/plan';
import type { Decision, SchedulingFacts } from './decision.ts';
import { nextSteps } from './next-steps.ts';

const command = (node: string, title: string, more: Partial<StepDraft> = {}): StepDraft =>
  ({
    title,
    node,
    kind: 'run-command',
    args: { argv: ['true'], env: {} },
    effect: 'idempotent',
    timeoutSeconds: 10,
    ...more,
  }) as StepDraft;

function planOf(drafts: Parameters<typeof makePhases>[1]): Plan {
  const nodes = ['a', 'b', 'c'].map((id) => ({ id, name: `host-${id}`, ip: `10.0.0.${id}`, role: 'worker' as const }));
  return { id: 'p', kind: 'install', cluster: 'c1', baseRevision: 0, summary: '', nodes, phases: makePhases('p', drafts) };
}

function decide(plan: Plan, bodies: OperationEventBody[], facts: Partial<SchedulingFacts> = {}): Decision[] {
  const events = bodies.map((body, index) => ({ ...body, seq: index + 1, at: 1000, operation: 'op' }));
  const view = foldOperation('op', plan, events);
  return nextSteps(plan, view, { now: 1000, awaySince: () => undefined, graceSeconds: 60, ...facts });
}

const titles = (decisions: Decision[]) =>
  decisions.map((one) => (one.kind === 'dispatch' ? `${one.kind} ${one.step.title}#${one.attempt}` : one.kind));
const begun: OperationEventBody[] = [{ type: 'operation-started' }, { type: 'phase-started', phase: 'one' }];
const idOf = (plan: Plan, title: string) =>
  plan.phases.flatMap((phase) => phase.steps).find((step) => step.title === title)?.id ?? 'none';
const dispatched = (plan: Plan, title: string): OperationEventBody => ({
  type: 'step-dispatched',
  step: idOf(plan, title),
  attempt: 1,
  epoch: 1,
});
const finished = (
  plan: Plan,
  title: string,
  outcome: 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'CANCELLED' = 'SUCCEEDED',
): OperationEventBody => ({
  type: 'step-finished',
  step: idOf(plan, title),
  attempt: 1,
  outcome,
  durationMs: 1,
});

describe('nextSteps', () => {
  const plan = planOf([
    {
      name: 'one',
      title: '',
      steps: [command('a', 'a1'), command('a', 'a2'), command('b', 'b1'), command('c', 'c1')],
      parallelism: 2,
    },
    { name: 'two', title: '', steps: [command('a', 'last')] },
  ]);

  it('starts the first phase and nothing else', () => assert.deepEqual(titles(decide(plan, [])), ['start-phase']));

  it('keeps the number of nodes at once and the order within a node', () => {
    assert.deepEqual(titles(decide(plan, begun)), ['dispatch a1#1', 'dispatch b1#1']);
    assert.deepEqual(titles(decide(plan, [...begun, dispatched(plan, 'a1'), dispatched(plan, 'b1')])), []);
  });

  it('finishes a node that it began before it begins another', () => {
    const events = [...begun, dispatched(plan, 'a1'), dispatched(plan, 'b1'), finished(plan, 'a1')];
    assert.deepEqual(titles(decide(plan, events)), ['dispatch a2#1']);
  });

  it('begins another node when one is done', () => {
    const events = [...begun, dispatched(plan, 'a1'), dispatched(plan, 'b1'), finished(plan, 'b1')];
    assert.deepEqual(titles(decide(plan, events)), ['dispatch c1#1']);
  });

  it('ends a phase only when every step of it is done', () => {
    const done = ['a1', 'a2', 'b1'].map((title) => finished(plan, title));
    assert.deepEqual(titles(decide(plan, [...begun, ...done, dispatched(plan, 'c1')])), []);
    assert.deepEqual(titles(decide(plan, [...begun, ...done, finished(plan, 'c1')])), ['finish-phase']);
  });

  it('begins nothing new after a failure, lets what is in flight end, then fails', () => {
    const failed = [...begun, finished(plan, 'a1', 'FAILED'), dispatched(plan, 'b1')];
    assert.deepEqual(titles(decide(plan, failed)), []);
    assert.deepEqual(titles(decide(plan, [...failed, finished(plan, 'b1')])), ['finish-phase', 'finish-operation']);
  });

  it('goes on after the failure of a step that may fail', () => {
    const lenient = planOf([{ name: 'one', title: '', steps: [command('a', 'a1', { mayFail: true }), command('a', 'a2')] }]);
    assert.deepEqual(titles(decide(lenient, [...begun, finished(lenient, 'a1', 'FAILED')])), ['dispatch a2#1']);
  });

  it('waits for a node that is away, with a reason that names it, and goes on when it is back', () => {
    const away = { awaySince: (node: string) => (node === 'a' ? 500 : undefined) };
    const only = planOf([{ name: 'one', title: '', steps: [command('a', 'a1')] }]);
    const [decision] = decide(only, begun, away);
    assert.equal(decision?.kind, 'wait');
    assert.match(decision.kind === 'wait' ? decision.reason : '', /host-a \(10\.0\.0\.a\)/);
    assert.deepEqual(titles(decide(only, [...begun, { type: 'operation-waiting', reason: 'x' }])), ['continue', 'dispatch a1#1']);
  });

  it('gives up on a node after the grace time: FAILED when nothing was sent, UNKNOWN when a step was in flight', () => {
    const away = { now: 100_000, awaySince: (node: string) => (node === 'a' ? 500 : undefined) };
    const only = planOf([{ name: 'one', title: '', steps: [command('a', 'a1')] }]);
    assert.partialDeepStrictEqual(decide(only, begun, away), [
      { kind: 'give-up', outcome: 'FAILED', problem: { code: 'NODE_UNREACHABLE' } },
    ]);
    assert.partialDeepStrictEqual(decide(only, [...begun, dispatched(only, 'a1')], away), [
      {
        kind: 'give-up',
        outcome: 'UNKNOWN',
        problem: { message: 'node host-a (10.0.0.a) has been away for 100 s (limit 60 s)' },
      },
    ]);
  });

  it('cancels what is in flight, and ends as CANCELLED when nothing is', () => {
    const cancel: OperationEventBody = { type: 'cancel-requested', requestedBy: 'me' };
    assert.deepEqual(titles(decide(plan, [...begun, dispatched(plan, 'a1'), cancel])), ['cancel']);
    const ended = decide(plan, [...begun, cancel, finished(plan, 'a1', 'CANCELLED')]);
    assert.partialDeepStrictEqual(ended, [
      { kind: 'finish-phase', status: 'CANCELLED' },
      { kind: 'finish-operation', status: 'CANCELLED' },
    ]);
  });

  it('after a resume runs only what did not succeed, with the next attempt', () => {
    const events: OperationEventBody[] = [
      ...begun,
      dispatched(plan, 'a1'),
      finished(plan, 'a1', 'FAILED'),
      finished(plan, 'b1'),
      { type: 'phase-finished', phase: 'one', status: 'FAILED' },
      { type: 'operation-finished', status: 'FAILED' },
      { type: 'resume-requested', requestedBy: 'me' },
    ];
    assert.deepEqual(titles(decide(plan, events)), ['start-phase']);
    const restarted = [...events, { type: 'phase-started', phase: 'one' } as const];
    assert.deepEqual(titles(decide(plan, restarted)), ['dispatch a1#2', 'dispatch c1#1']);
  });

  it('refuses to touch a node outside the plan', () => {
    const outside = planOf([{ name: 'one', title: '', steps: [command('z', 'z1')] }]);
    assert.throws(() => decide(outside, begun), /not in plan/);
  });
});
