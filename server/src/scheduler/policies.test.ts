import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { foldOperation, makePhases, type OperationEventBody, type OperationPolicy, type Plan, type StepDraft } from '@seal/plan';
import { type Decision, nextSteps, type SchedulingFacts } from './next-steps.ts';
import { untilNextLimit } from './time-limits.ts';

type Outcome = 'SUCCEEDED' | 'FAILED' | 'UNKNOWN' | 'CANCELLED';

const command = (node: string, title: string, more: Partial<StepDraft> = {}): StepDraft =>
  ({
    ...{ title, node, kind: 'run-command', args: { argv: ['true'], env: {} }, effect: 'idempotent', timeoutSeconds: 10 },
    ...more,
  }) as StepDraft;

/** Nodes: m is a master, a to d are workers. */
function planOf(...drafts: Parameters<typeof makePhases>[1]): Plan {
  const nodes = ['m', 'a', 'b', 'c', 'd'].map((id) => {
    return { id, name: `host-${id}`, ip: `10.0.0.${id}`, role: id === 'm' ? ('master' as const) : ('worker' as const) };
  });
  return { id: 'p', kind: 'install', cluster: 'c1', baseRevision: 0, summary: '', nodes, phases: makePhases('p', drafts) };
}

/** What happened, in short: "a1 FAILED", "one started", "one FAILED", or an event as it is. */
type Happened = string | OperationEventBody;

function decide(
  plan: Plan,
  policy: Partial<OperationPolicy>,
  happened: readonly Happened[],
  facts: Partial<SchedulingFacts> = {},
): Decision[] {
  return nextSteps(plan, viewOf(plan, policy, happened), factsOf(facts));
}

const factsOf = (facts: Partial<SchedulingFacts>): SchedulingFacts => ({
  ...{ now: 1000, awaySince: () => undefined, graceSeconds: 60 },
  ...facts,
});

function viewOf(plan: Plan, policy: Partial<OperationPolicy>, happened: readonly Happened[]) {
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
function short(plan: Plan, decisions: readonly Decision[]): string[] {
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

const workers = planOf(
  {
    name: 'one',
    title: '',
    parallelism: 2,
    steps: ['a', 'b', 'c', 'd'].flatMap((node) => [command(node, `${node}1`), command(node, `${node}2`)]),
  },
  { name: 'two', title: '', steps: [command('m', 'ready-a', { about: 'a' }), command('m', 'ready-b', { about: 'b' })] },
  { name: 'three', title: '', steps: [command('m', 'last')] },
);
const mixed = planOf({ name: 'one', title: '', steps: [command('m', 'm1'), command('a', 'a1'), command('b', 'b1')] });
const goOn = { onFailure: 'continue' } as const;
const restOf = (...nodes: string[]) => nodes.flatMap((node) => [`${node}1 SUCCEEDED`, `${node}2 SUCCEEDED`]);
const skip = (node: string, reason: 'node-failed' | 'asked', ...titles: string[]): OperationEventBody => ({
  ...{ type: 'steps-skipped', node, reason },
  steps: titles.map((title) => workers.phases.flatMap((phase) => phase.steps).find((step) => step.title === title)?.id ?? ''),
});
const oneFailed: Happened[] = ['one started', 'a1 FAILED', skip('a', 'node-failed', 'a2'), ...restOf('b', 'c', 'd')];

const failures: readonly (readonly [
  title: string,
  plan: Plan,
  policy: Partial<OperationPolicy>,
  happened: Happened[],
  expected: string[],
])[] = [
  ['fail-fast: begins nothing new', workers, {}, ['one started', 'a1 FAILED', 'b1 sent'], []],
  [
    'fail-fast: ends when what was in flight has ended',
    workers,
    {},
    ['one started', 'a1 FAILED', 'b1 SUCCEEDED'],
    ['finish-phase FAILED', 'finish-operation FAILED'],
  ],
  [
    "continue: leaves out the failed worker's further steps first",
    workers,
    goOn,
    ['one started', 'a1 FAILED', 'b1 sent'],
    ['skip a (node-failed): a2'],
  ],
  [
    'continue: another node takes its place',
    workers,
    goOn,
    ['one started', 'a1 FAILED', skip('a', 'node-failed', 'a2'), 'b1 sent'],
    ['dispatch c1'],
  ],
  ['continue: ends the phase as FAILED, so that a resume takes it up', workers, goOn, oneFailed, ['finish-phase FAILED']],
  ['continue: begins the next phase all the same', workers, goOn, [...oneFailed, 'one FAILED'], ['start-phase']],
  [
    'continue: what is done elsewhere for the failed worker is left out too',
    workers,
    goOn,
    [...oneFailed, 'one FAILED', 'two started'],
    ['skip a (node-failed): ready-a'],
  ],
  [
    'continue: ends as FAILED when nothing is left to do',
    workers,
    goOn,
    [
      ...oneFailed,
      'one FAILED',
      'two started',
      skip('a', 'node-failed', 'ready-a'),
      'ready-b SUCCEEDED',
      'two FAILED',
      'last SUCCEEDED',
      'three SUCCEEDED',
    ],
    ['finish-operation FAILED'],
  ],
  [
    'continue: UNKNOWN is a failure like any other',
    workers,
    goOn,
    ['one started', 'a1 UNKNOWN', 'b1 sent'],
    ['skip a (node-failed): a2'],
  ],
  [
    'continue: a master that fails stops everything',
    mixed,
    goOn,
    ['one started', 'm1 FAILED', 'a1 SUCCEEDED'],
    ['finish-phase FAILED', 'finish-operation FAILED'],
  ],
  [
    'max-unavailable 1: one failed worker is borne',
    workers,
    { ...goOn, maxUnavailable: '1' },
    ['one started', 'a1 FAILED', 'b1 sent'],
    ['skip a (node-failed): a2'],
  ],
  [
    'max-unavailable 1: a second one stops the operation',
    workers,
    { ...goOn, maxUnavailable: '1' },
    ['one started', 'a1 FAILED', skip('a', 'node-failed', 'a2'), 'b1 FAILED', 'c1 sent'],
    [],
  ],
  [
    'max-unavailable 50%: of four workers two are borne',
    workers,
    { ...goOn, maxUnavailable: '50%' },
    ['one started', 'a1 FAILED', skip('a', 'node-failed', 'a2'), 'b1 FAILED', 'c1 sent'],
    ['skip b (node-failed): b2'],
  ],
  [
    'a node that is left out on demand runs nothing',
    workers,
    {},
    [{ type: 'node-skipped', node: 'a', requestedBy: 'ada' }, 'one started'],
    ['skip a (asked): a1 a2'],
  ],
  [
    'with a node left out on demand everything else may succeed',
    workers,
    {},
    [
      { type: 'node-skipped', node: 'a', requestedBy: 'ada' },
      'one started',
      skip('a', 'asked', 'a1', 'a2'),
      ...restOf('b', 'c', 'd'),
    ],
    ['finish-phase SUCCEEDED'],
  ],
];
for (const [title, plan, policy, happened, expected] of failures)
  it(title, () => assert.deepEqual(short(plan, decide(plan, policy, happened)), expected));

describe('failure policies', () => {
  it('name the failed nodes, and say that the others went on or why they did not', () => {
    const message = (policy: Partial<OperationPolicy>, happened: Happened[]) => {
      const last = decide(workers, policy, happened).at(-1);
      return last?.kind === 'finish-operation' ? last.problem?.message : undefined;
    };
    const all = [
      ...oneFailed,
      'one FAILED',
      'two started',
      'ready-b SUCCEEDED',
      'two FAILED',
      'three started',
      'last SUCCEEDED',
      'three SUCCEEDED',
    ];
    assert.match(message(goOn, all) ?? '', /^step "a1" failed: .*; failed nodes: host-a; the others went on$/);
    const two: Happened[] = ['one started', 'a1 FAILED', 'b1 FAILED'];
    assert.match(message({ ...goOn, maxUnavailable: '1' }, two) ?? '', /failed nodes: host-a, host-b, more than the 1 that may/);
  });

  it('let a phase that cannot be had back begin only when nothing has failed', () => {
    const plan = planOf(
      { name: 'one', title: '', steps: [command('a', 'a1'), command('b', 'b1')] },
      { name: 'end', title: '', needsAll: true, steps: [command('m', 'm1')] },
    );
    const happened = ['one started', 'a1 FAILED', 'b1 SUCCEEDED', 'one FAILED'];
    assert.deepEqual(short(plan, decide(plan, goOn, happened)), ['finish-operation FAILED']);
  });

  it('take workers out of service only as many at once as may be unavailable', () => {
    const steps = ['a', 'b', 'c', 'd'].map((node) => command(node, `${node}1`));
    const plan = planOf({ name: 'one', title: '', destructive: true, steps });
    assert.equal(decide(plan, goOn, ['one started']).length, 4);
    const two = { ...goOn, maxUnavailable: '2' };
    assert.deepEqual(short(plan, decide(plan, two, ['one started'])), ['dispatch a1', 'dispatch b1']);
    // One that failed is out of service already.
    assert.deepEqual(short(plan, decide(plan, two, ['one started', 'a1 FAILED'])), ['dispatch b1']);
  });

  it('put a step that could not be done since its master is away down to the master', () => {
    const plan = planOf({ name: 'one', title: '', steps: [command('m', 'ready-a', { about: 'a' }), command('b', 'b1')] });
    const [step] = plan.phases[0]!.steps;
    const gone: OperationEventBody = {
      ...{ type: 'step-finished', step: step!.id, attempt: 1, outcome: 'FAILED', durationMs: 0 },
      problem: { code: 'NODE_UNREACHABLE', message: '', remedy: '', details: {} },
    };
    assert.deepEqual(short(plan, decide(plan, goOn, ['one started', gone])), ['finish-phase FAILED', 'finish-operation FAILED']);
  });

  it('after a resume do again what was left out since its node had failed, not what somebody wanted left out', () => {
    const ended: Happened[] = [...oneFailed, 'one FAILED', { type: 'operation-finished', status: 'FAILED' }];
    const resume: OperationEventBody = { type: 'resume-requested', requestedBy: 'ada' };
    assert.deepEqual(short(workers, decide(workers, goOn, [...ended, resume, 'one started'])), ['dispatch a1']);
    const without: OperationEventBody = { type: 'node-skipped', node: 'a', requestedBy: 'ada' };
    assert.deepEqual(short(workers, decide(workers, goOn, [...ended, resume, without, 'one started'])), [
      'skip a (asked): a1 a2',
    ]);
  });

  it('follow what a resume says anew and keep the rest', () => {
    const resume: OperationEventBody = { type: 'resume-requested', requestedBy: 'ada', policy: { timeoutSeconds: 9 } };
    const { policy } = viewOf(workers, goOn, [{ type: 'operation-finished', status: 'FAILED' }, resume]);
    assert.deepEqual(policy, { onFailure: 'continue', stallAction: 'report', timeoutSeconds: 9 });
  });
});

describe('time limits', () => {
  const only = planOf({ name: 'one', title: '', timeoutSeconds: 30, steps: [command('a', 'a1'), command('b', 'b1')] });
  const running = ['one started', 'a1 sent'];
  const decideAt = (now: number, policy: Partial<OperationPolicy>, happened: Happened[], facts: Partial<SchedulingFacts> = {}) =>
    short(only, decide(only, policy, happened, { now, ...facts }));

  it('end an operation and a phase that take too long: written down once, then what is in flight is ended', () => {
    assert.deepEqual(decideAt(10_999, { timeoutSeconds: 10 }, running), ['dispatch b1']);
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, running), ['time-out operation 10']);
    assert.deepEqual(decideAt(31_000, {}, running), ['time-out one 30']);
    const up: OperationEventBody = { type: 'operation-timed-out', seconds: 10 };
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, [...running, up]), ['cancel a1']);
    const ended = decide(only, {}, [...running, up, 'a1 CANCELLED']);
    assert.deepEqual(short(only, ended), ['finish-phase FAILED', 'finish-operation FAILED']);
    assert.partialDeepStrictEqual(ended.at(-1), { problem: { code: 'TIMEOUT', details: { seconds: 10 } } });
  });

  it('begin no phase when the time of the operation is up', () => {
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, []), ['time-out operation 10']);
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, [{ type: 'operation-timed-out', seconds: 10 }]), [
      'finish-operation FAILED',
    ]);
  });

  it('tell once of a silent step on a connected node, and again after a later silence', () => {
    const heard = (at: number) => ({ activeAt: () => at });
    const both = [...running, 'b1 sent'];
    const policy = { stallSeconds: 5 };
    assert.deepEqual(decideAt(6_000, policy, both, heard(2_000)), []);
    assert.deepEqual(decideAt(7_000, policy, both, heard(2_000)), ['stall a1 5', 'stall b1 5']);
    const told: OperationEventBody = { type: 'step-stalled', step: only.phases[0]!.steps[0]!.id, attempt: 1, seconds: 5 };
    // The events of this test are written at 1000.
    assert.deepEqual(decideAt(7_000, policy, [...running, 'b1 SUCCEEDED', told], heard(1_000)), []);
    assert.deepEqual(decideAt(9_000, policy, [...running, 'b1 SUCCEEDED', told], heard(3_000)), ['stall a1 5']);
    const away = { ...heard(2_000), awaySince: () => 5_000 };
    assert.deepEqual(decideAt(9_000, policy, [...running, 'b1 SUCCEEDED'], away), ['wait']);
  });

  it('end a stalled step only where that was asked for, and give it up when its agent does not answer', () => {
    const told: OperationEventBody = { type: 'step-stalled', step: only.phases[0]!.steps[0]!.id, attempt: 1, seconds: 5 };
    const stalled = [...running, 'b1 SUCCEEDED', told];
    assert.deepEqual(decideAt(9_000, { stallSeconds: 5 }, stalled), []);
    const policy = { stallSeconds: 5, stallAction: 'cancel' as const };
    assert.deepEqual(decideAt(9_000, policy, stalled), ['cancel a1']);
    const sent = { cancelledAt: () => 9_000, cancelGraceSeconds: 3 };
    assert.deepEqual(decideAt(11_999, policy, stalled, sent), ['cancel a1']);
    assert.deepEqual(decideAt(12_000, policy, stalled, sent), ['give up a1: UNKNOWN CANCEL_UNANSWERED']);
  });

  it('end a cancel that nobody answers as UNKNOWN', () => {
    const cancel: OperationEventBody = { type: 'cancel-requested', requestedBy: 'ada' };
    const facts = { cancelledAt: () => 2_000, cancelGraceSeconds: 3 };
    assert.deepEqual(decideAt(4_999, {}, [...running, cancel], facts), ['cancel a1']);
    assert.deepEqual(decideAt(5_000, {}, [...running, cancel], facts), ['give up a1: UNKNOWN CANCEL_UNANSWERED']);
  });

  it('wait for the answer of a node that is away as long as for one that is connected: it may only be coming back', () => {
    const cancel: OperationEventBody = { type: 'cancel-requested', requestedBy: 'ada' };
    const away = (since: number) => ({ awaySince: () => since, cancelGraceSeconds: 3, graceSeconds: 600 });
    assert.deepEqual(decideAt(3_999, {}, [...running, cancel], away(500)), []);
    assert.deepEqual(decideAt(4_000, {}, [...running, cancel], away(500)), ['give up a1: UNKNOWN NODE_UNREACHABLE']);
    assert.deepEqual(decideAt(9_000, {}, [...running, cancel], away(8_000)), []);
    const view = viewOf(only, {}, [...running, cancel]);
    assert.equal(untilNextLimit(only, view, factsOf({ ...away(2_000), now: 2_500 })), 2_500);
  });

  it('wake the operation at the next of them, and not at one that has passed', () => {
    const until = (policy: Partial<OperationPolicy>, happened: Happened[], facts: Partial<SchedulingFacts>) =>
      untilNextLimit(only, viewOf(only, policy, happened), factsOf(facts));
    assert.equal(until({}, [], {}), undefined);
    assert.equal(until({}, running, {}), 30_000);
    assert.equal(until({ timeoutSeconds: 10 }, running, {}), 10_000);
    assert.equal(until({ timeoutSeconds: 10, stallSeconds: 4 }, running, { activeAt: () => 900 }), 3_900);
    assert.equal(until({ timeoutSeconds: 10 }, running, { now: 12_000, cancelledAt: () => 11_000 }), 19_000);
    assert.equal(until({}, running, { awaySince: (node) => (node === 'b' ? 500 : undefined), graceSeconds: 5 }), 4_500);
  });
});
