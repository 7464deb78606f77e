import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '@seal/plan';
import { installed, sampleCluster, sampleFacts, sampleNodes } from '@seal/runtime/testing';
import fc from 'fast-check';
import { away, planId, records, shape } from './change-samples.ts';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { planRun } from './plan-run.ts';

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
