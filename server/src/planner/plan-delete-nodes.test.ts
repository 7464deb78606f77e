import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, sampleImage, sampleNodes } from '@seal/runtime/testing';
import fc from 'fast-check';
import { away, planId, records, shape } from './change-samples.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';

test('a worker leaves: drained, stopped, forgotten, reset, cleaned, in that order', () => {
  const plan = planDeleteNodes({ planId, facts: installed(sampleNodes(1, 2)), nodes: ['n1'], force: false });
  assert.equal(plan.summary, 'remove 1 worker from cluster demo: n1');
  assert.deepEqual(shape(plan), ['drain-n1: m1', 'stop-n1: n1', 'forget-n1: m1', 'reset-n1: n1', 'clean-n1: n1']);
  assert.ok(plan.phases.every((phase) => phase.destructive));
  assert.deepEqual(records(plan), ['clean-n1: member-removed node-n1']);
});

test('the first master leaves like any other: through a master that stays, out of etcd before its host is reset, and workers follow', () => {
  const plan = planDeleteNodes({ planId, facts: installed(sampleNodes(3, 1)), nodes: ['10.0.0.11'], force: false });
  assert.deepEqual(shape(plan), [
    'gate-m1: m2',
    'drain-m1: m2',
    'stop-m1: m1',
    'forget-m1: m2',
    'reset-m1: m1',
    'clean-m1: m1',
    'follow-masters: m2 m3 n1',
  ]);
  const forget = plan.phases.find((phase) => phase.name === 'forget-m1')!.steps.map((step) => step.title);
  assert.deepEqual(forget, ['delete node m1 from the API', 'remove m1 from etcd']);
  const follow = plan.phases
    .at(-1)!
    .steps.map((step) => step.kind === 'host-aliases' && step.args.entries.map((entry) => entry.ip).join(' '));
  assert.deepEqual(follow, ['10.0.0.12 10.0.0.13', '10.0.0.13 10.0.0.12', '10.0.0.12 10.0.0.13']);
});

test('a dead host is removed only with force: the cluster forgets it, nothing runs there, and the summary says so', () => {
  const facts = away(installed(sampleNodes(3, 1)), 'm3');
  assert.throws(() => planDeleteNodes({ planId, facts, nodes: ['m3'], force: false }), {
    code: 'NODE_NOT_CONNECTED',
    message: /m3 \(10\.0\.0\.13\)/,
  });
  const plan = planDeleteNodes({ planId, facts, nodes: ['m3'], force: true });
  assert.equal(plan.summary, 'remove 1 master from cluster demo: m3; away, and therefore not cleaned: m3 (10.0.0.13)');
  assert.deepEqual(shape(plan), ['gate-m3: m1', 'forget-m3: m1', 'follow-masters: m1 m2 n1']);
  assert.deepEqual(records(plan), ['forget-m3: member-removed node-m3']);
});

test('only with force does a drain go on over pods without owner and over its own failure', () => {
  const drains = [false, true].map(
    (force) => planDeleteNodes({ planId, facts: installed(sampleNodes(1, 1)), nodes: ['n1'], force }).phases[0]!.steps[0]!,
  );
  assert.deepEqual(
    drains.map((step) => [step.kind === 'run-command' && step.args.env.DRAIN_FLAGS, step.mayFail ?? false]),
    [
      ['', false],
      ['--force', true],
    ],
  );
});

const quorum: readonly (readonly [masters: number, dead: string[], leaving: string[], code: string | undefined])[] = [
  [3, [], ['m3'], undefined],
  [3, [], ['m2', 'm3'], undefined],
  [2, [], ['m2'], undefined],
  [3, ['m3'], ['m3'], undefined],
  [3, ['m3'], ['m2', 'm3'], undefined],
  [5, ['m4', 'm5'], ['m4', 'm5'], undefined],
  [3, ['m3'], ['m2'], 'QUORUM_LOST'],
  [2, ['m2'], ['m2'], 'QUORUM_LOST'],
  [3, ['m2', 'm3'], ['m3'], 'QUORUM_LOST'],
  [1, [], ['m1'], 'LAST_MASTER'],
  [2, [], ['m1', 'm2'], 'LAST_MASTER'],
];
for (const [masters, dead, leaving, code] of quorum)
  test(`of ${masters} masters, ${dead.join(', ') || 'none'} dead, removing ${leaving.join(', ')} is ${code ? `refused with ${code}` : 'planned'}`, () => {
    const work = () =>
      planDeleteNodes({ planId, facts: away(installed(sampleNodes(masters, 1)), ...dead), nodes: leaving, force: true });
    if (code) assert.throws(work, { code });
    else assert.equal(work().kind, 'delete-nodes');
  });

test('dead masters leave before living ones, whatever the order asked', () => {
  const plan = planDeleteNodes({
    planId,
    facts: away(installed(sampleNodes(3, 1)), 'm3'),
    nodes: ['m2', 'n1', 'm3'],
    force: true,
  });
  assert.deepEqual(
    shape(plan).filter((line) => line.startsWith('forget')),
    ['forget-n1: m1', 'forget-m3: m1', 'forget-m2: m1'],
  );
});

test('an unknown node is refused with the names there are; the registry goes only with force', () => {
  const facts = installed(sampleNodes(2, 0));
  assert.throws(() => planDeleteNodes({ planId, facts, nodes: ['x'], force: false }), {
    code: 'NODE_NOT_FOUND',
    message: /its nodes are m1 \(10\.0\.0\.11\), m2/,
  });
  const image = { ...sampleImage, paths: [...sampleImage.paths, 'scripts/init-registry.sh'] };
  assert.throws(() => planDeleteNodes({ planId, facts: { ...facts, image }, nodes: ['m1'], force: false }), {
    code: 'REGISTRY_NODE',
  });
});

test('without a drain a node leaves at once, and the summary says that this was asked for', () => {
  const plan = planDeleteNodes({ planId, facts: installed(sampleNodes(1, 1)), nodes: ['n1'], force: false, skipDrain: true });
  assert.deepEqual(shape(plan), ['stop-n1: n1', 'forget-n1: m1', 'reset-n1: n1', 'clean-n1: n1']);
  assert.equal(plan.summary, 'remove 1 worker from cluster demo: n1; --skip-drain: pods are not moved away first');
});

test('for any removal of nodes: only those, the nodes that stay for their aliases, and one living master', () => {
  const names = fc.subarray(['m2', 'm3', 'n1', 'n2', 'n3'], { minLength: 1 });
  fc.assert(
    fc.property(names, (leaving) => {
      const plan = planDeleteNodes({ planId, facts: installed(sampleNodes(3, 3)), nodes: leaving, force: false });
      for (const phase of plan.phases.filter((item) => item.name !== 'follow-masters'))
        for (const step of phase.steps) assert.ok([...leaving, 'm1'].some((name) => step.node === `node-${name}`));
      assert.equal(
        plan.phases.some((phase) => phase.name === 'follow-masters'),
        leaving.some((name) => name.startsWith('m')),
      );
    }),
    { numRuns: 30 },
  );
});
