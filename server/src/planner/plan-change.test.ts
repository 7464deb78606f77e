import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePlan, type Plan } from '@seal/plan';
import type { ClusterFacts } from '@seal/runtime';
import { installed, sampleCluster, sampleFacts, sampleImage, sampleNode, sampleNodes } from '@seal/runtime/testing';
import fc from 'fast-check';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';
import { planExec } from './plan-exec.ts';
import { planRun } from './plan-run.ts';
import { planScaleUp } from './plan-scale-up.ts';

const planId = 'plan-1';

function shape(plan: Plan): string[] {
  const names = new Map(plan.nodes.map((node) => [node.id, node.name]));
  return plan.phases.map((phase) => `${phase.name}: ${[...new Set(phase.steps.map((step) => names.get(step.node)))].join(' ')}`);
}

function away(facts: ClusterFacts, ...names: string[]): ClusterFacts {
  return { ...facts, nodes: facts.nodes.map((node) => ({ ...node, connected: !names.includes(node.name) })) };
}

function records(plan: Plan): string[] {
  return plan.phases.flatMap((phase) =>
    phase.steps.flatMap((step) =>
      (step.records ?? []).map((record) => `${phase.name}: ${record.kind}${'nodeId' in record ? ` ${record.nodeId}` : ''}`),
    ),
  );
}

function withNew(facts: ClusterFacts, ...names: string[]): ClusterFacts {
  return { ...facts, nodes: [...facts.nodes, ...names.map((name, index) => sampleNode(name, `10.0.1.${index + 1}`))] };
}

test('scale-up by a worker touches that worker and the first master, nobody else', () => {
  const plan = planScaleUp({ planId, facts: withNew(installed(sampleNodes(3, 2)), 'n9'), masters: [], workers: ['10.0.1.1'] });
  assert.equal(plan.summary, 'add 1 worker to cluster demo');
  assert.equal(plan.baseRevision, 7);
  assert.deepEqual(shape(plan), [
    'host-aliases: n9',
    'distribute-image: n9',
    'container-runtime: n9',
    'prepare-hosts: n9',
    'open-joining: m1',
    'join-workers: n9',
    'close-joining: m1',
    'label-nodes: m1',
    'verify: m1 m2 m3',
  ]);
  assert.deepEqual(records(plan), ['host-aliases: member-joining node-n9', 'verify: member-ready node-n9']);
});

test('scale-up by masters lets the old nodes follow; one that is away is named and does not stop it', () => {
  const facts = withNew(away(installed(sampleNodes(1, 2)), 'n2'), 'm8', 'm9');
  const plan = planScaleUp({ planId, facts, masters: ['10.0.1.1-10.0.1.2'], workers: [] });
  assert.equal(plan.summary, 'add 2 masters to cluster demo; not told of the new masters, since away: n2');
  const phases = shape(plan);
  assert.deepEqual(phases.slice(4, 10), [
    'open-joining: m1',
    'gate-m8: m1',
    'join-master-m8: m8',
    'gate-m9: m1 m8',
    'join-master-m9: m9',
    'follow-masters: m1 n1',
  ]);
  const follow = plan.phases.find((phase) => phase.name === 'follow-masters')!.steps[1];
  assert.deepEqual(follow?.kind === 'host-aliases' && follow.args.entries.map((entry) => entry.ip), [
    '10.0.0.11',
    '10.0.1.1',
    '10.0.1.2',
  ]);
});

test('scale-up works through another master when the first is away', () => {
  const plan = planScaleUp({
    planId,
    facts: withNew(away(installed(sampleNodes(3, 0)), 'm1'), 'n9'),
    masters: [],
    workers: ['10.0.1.1'],
  });
  assert.equal(shape(plan)[4], 'open-joining: m2');
  assert.ok(!plan.nodes.some((node) => node.name === 'm1'));
});

test('scale-up refuses hosts that are members already, and an empty wish', () => {
  const facts = installed(sampleNodes(1, 1));
  assert.throws(() => planScaleUp({ planId, facts, masters: [], workers: ['10.0.0.101'] }), {
    code: 'NODE_IN_CLUSTER',
    message: /already in cluster demo: n1 \(10\.0\.0\.101\)/,
  });
  assert.throws(() => planScaleUp({ planId, facts, masters: [], workers: [] }), { code: 'USAGE' });
});

test('a member that had begun to join and did not end is joined again', () => {
  const facts = installed(sampleNodes(1, 1));
  const members = facts.record!.members.map((member) =>
    member.name === 'n1' ? { ...member, state: 'joining' as const } : member,
  );
  const plan = planScaleUp({
    planId,
    facts: { ...facts, record: { ...facts.record!, members } },
    masters: [],
    workers: ['10.0.0.101'],
  });
  assert.ok(shape(plan).includes('join-workers: n1'));
});

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

test('delete of everything gives back the workers side by side, then the masters one by one, the first last, and ends with the record', () => {
  const plan = planDeleteCluster({ planId, facts: installed(sampleNodes(2, 2)), force: false });
  assert.deepEqual(shape(plan), ['return-workers: n2 n1', 'reset-m2: m2', 'clean-m2: m2', 'reset-m1: m1', 'clean-m1: m1']);
  assert.deepEqual(records(plan), [
    'return-workers: member-removed node-n2',
    'return-workers: member-removed node-n1',
    'clean-m2: member-removed node-m2',
    'clean-m1: member-removed node-m1',
    'clean-m1: cluster-removed',
  ]);
  const clean = plan.phases.at(-1)!.steps.map((step) => step.title);
  assert.deepEqual(clean, [
    'scripts/clean.sh',
    'scripts/uninstall-containerd.sh',
    'remove the rootfs at /var/lib/seal/data/demo/rootfs',
    'remove /var/lib/seal/data/demo',
    '/etc/hosts: remove the aliases of the cluster',
  ]);
});

test('a hundred workers are given back ten at once, and no master while one of them failed', () => {
  const plan = planDeleteCluster({ planId, facts: installed(sampleNodes(3, 100)), force: false });
  const [workers, ...others] = plan.phases;
  assert.equal(workers?.parallelism, 10);
  assert.equal(new Set(workers?.steps.map((step) => step.node)).size, 100);
  assert.equal(workers?.needsAll, undefined);
  assert.ok(others.length === 6 && others.every((phase) => phase.needsAll));
});

test('a cluster whose hosts are all gone is only forgotten', () => {
  const facts = away(installed(sampleNodes(1, 1)), 'm1', 'n1');
  assert.deepEqual(planDeleteCluster({ planId, facts, force: true }).phases, []);
});

test('without a drain a node leaves at once, and the summary says that this was asked for', () => {
  const plan = planDeleteNodes({ planId, facts: installed(sampleNodes(1, 1)), nodes: ['n1'], force: false, skipDrain: true });
  assert.deepEqual(shape(plan), ['stop-n1: n1', 'forget-n1: m1', 'reset-n1: n1', 'clean-n1: n1']);
  assert.equal(plan.summary, 'remove 1 worker from cluster demo: n1; --skip-drain: pods are not moved away first');
});

test('delete of everything leaves out dead hosts only with force', () => {
  const facts = away(installed(sampleNodes(1, 2)), 'n1');
  assert.throws(() => planDeleteCluster({ planId, facts, force: false }), { code: 'NODE_NOT_CONNECTED' });
  const plan = planDeleteCluster({ planId, facts, force: true });
  assert.match(plan.summary, /away, and therefore not cleaned: n1 \(10\.0\.0\.101\)/);
  assert.ok(!plan.nodes.some((node) => node.name === 'n1'));
});

test('an installation that stopped before its first record can be deleted: every host asked for is cleaned', () => {
  const nodes = sampleNodes(1, 1);
  const facts = sampleFacts(nodes, { record: installed(nodes, { state: 'installing', members: [] }).record });
  assert.deepEqual(shape(planDeleteCluster({ planId, facts, force: false })), [
    'return-workers: n1',
    'reset-m1: m1',
    'clean-m1: m1',
  ]);
});

test('for clusters of any size, delete of everything touches exactly what install touched, in the opposite order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 12 }), (masters, workers) => {
      const nodes = sampleNodes(masters, workers);
      const install = planRun({ planId, desired: sampleCluster(nodes), facts: sampleFacts(nodes) });
      const remove = planDeleteCluster({ planId, facts: installed(nodes), force: false });
      const order = (plan: Plan) => [...new Set(plan.phases.flatMap((phase) => phase.steps.map((step) => step.node)))];
      assert.deepEqual(order(remove), order(install).toReversed());
    }),
    { numRuns: 30 },
  );
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

test('exec runs one command on each node, in no cluster; its end lost, it is not repeated', () => {
  const plan = planExec({ planId, nodes: sampleNodes(1, 1), argv: ['uname', '-a'], timeoutSeconds: 5 });
  assert.equal(plan.cluster, '');
  assert.deepEqual(
    plan.phases[0]!.steps.map((step) => [
      step.node,
      step.kind === 'run-command' && step.args.argv,
      step.effect,
      step.timeoutSeconds,
    ]),
    ['node-m1', 'node-n1'].map((node) => [node, ['uname', '-a'], 'irreversible', 5]),
  );
  assert.throws(
    () => planExec({ planId, nodes: [sampleNode('x', '10.0.0.9', { connected: false })], argv: ['a'], timeoutSeconds: 5 }),
    { code: 'NODE_NOT_CONNECTED' },
  );
});

test('a plan reads as text: what runs where, how many at a time, and what destroys', () => {
  const facts = installed(sampleNodes(2, 1));
  assert.equal(
    describePlan(planDeleteNodes({ planId, facts, nodes: ['m2'], force: true })),
    `remove 1 master from cluster demo: m2; --force: a drain that fails does not stop the removal
7 phases, 13 steps on 3 nodes:
  m1  10.0.0.11  master
  m2  10.0.0.12  master
  n1  10.0.0.101  worker

 1. Before m2 goes: etcd has its quorum without it  [gate-m2]
      on m1
        - wait: etcd healthy on 1 of m1 (gate; idempotent; at most 5m)
 2. Drain m2  [drain-m2]  (DESTRUCTIVE)
      on m1
        - drain m2 (run-command; idempotent; at most 6m; goes on if it fails)
 3. Stop the kubelet of m2  [stop-m2]  (DESTRUCTIVE)
      on m2
        - stop the kubelet (manage-unit; idempotent; at most 2m)
 4. Take m2 out of the cluster's membership  [forget-m2]  (DESTRUCTIVE)
      on m1
        - delete node m2 from the API (run-command; idempotent; at most 2m)
        - remove m2 from etcd (run-command; idempotent; at most 4m)
 5. Reset Kubernetes on m2  [reset-m2]  (DESTRUCTIVE)
      on m2
        - kubeadm reset (run-command; idempotent; at most 10m)
 6. Give m2 back as it was found  [clean-m2]  (DESTRUCTIVE)
      on m2
        - scripts/clean.sh (run-script; idempotent; at most 10m; if the image has it)
        - scripts/uninstall-containerd.sh (run-script; idempotent; at most 10m; if the image has it)
        - remove the rootfs at /var/lib/seal/data/demo/rootfs (unmount-rootfs; idempotent; at most 5m)
        - remove /var/lib/seal/data/demo (remove-paths; idempotent; at most 5m)
        - /etc/hosts: remove the aliases of the cluster (host-aliases; idempotent; at most 30s)
 7. Nodes that stay learn where the API is now  [follow-masters]  (all at once)
      on m1, n1
        - /etc/hosts: apiserver.cluster.local is 10.0.0.11 (host-aliases; idempotent; at most 30s)
`,
  );
});
