import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperationEventBody, OperationPolicy, Plan } from '@seal/plan';
import { command, decide, type Happened, planOf, short, viewOf } from './testing/decisions.ts';

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
