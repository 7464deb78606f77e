import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '@seal/plan';
import { installed, sampleCluster, sampleFacts, sampleNode, sampleNodes } from '@seal/runtime/testing';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';
import { planExec } from './plan-exec.ts';
import { planRollback } from './plan-rollback.ts';
import { planRun } from './plan-run.ts';
import { planScaleUp } from './plan-scale-up.ts';

const planId = 'plan-2';
const operation = 'op-1';
const nodesOf = (plan: Plan) => plan.nodes.map((node) => node.name);

test('an installation is rolled back on the hosts that it began on, and on no other', () => {
  const nodes = sampleNodes(1, 3);
  const plan = planRun({ planId: 'plan-1', desired: sampleCluster(nodes), facts: sampleFacts(nodes) });
  const { record } = installed(nodes.slice(0, 2), { state: 'installing', spec: sampleCluster(nodes) });
  const begunOn = new Set(['node-m1', 'node-n1', 'node-n2']);
  const back = planRollback({ planId, operation, plan, begunOn, force: false, facts: sampleFacts(nodes, { record }) });
  assert.deepEqual(nodesOf(back), ['m1', 'n1', 'n2']);
  assert.equal(back.kind, 'delete-cluster');
  assert.equal(back.summary, 'roll back op-1: delete cluster demo: 1 master, 2 workers');
  assert.deepEqual(
    back.phases.map((phase) => phase.name),
    ['return-workers', 'reset-m1', 'clean-m1'],
  );
});

test('an installation that began nowhere is only forgotten', () => {
  const nodes = sampleNodes(1, 1);
  const plan = planRun({ planId: 'plan-1', desired: sampleCluster(nodes), facts: sampleFacts(nodes) });
  const { record } = installed(nodes, { state: 'installing', members: [] });
  const facts = sampleFacts(nodes, { record });
  assert.deepEqual(planRollback({ planId, operation, plan, begunOn: new Set(), force: false, facts }).phases, []);
});

test('an installation whose cluster is ready is not rolled back', () => {
  const nodes = sampleNodes(1, 0);
  const plan = planRun({ planId: 'plan-1', desired: sampleCluster(nodes), facts: sampleFacts(nodes) });
  const begunOn = new Set(['node-m1']);
  assert.throws(() => planRollback({ planId, operation, plan, begunOn, force: false, facts: installed(nodes) }), {
    code: 'ROLLBACK_IMPOSSIBLE',
    message: /cluster demo is ready/,
  });
});

test('a scale-up is rolled back by removing the nodes that it began to add, recorded already or not', () => {
  const old = installed(sampleNodes(1, 1));
  const facts = { ...old, nodes: [...old.nodes, ...['n7', 'n8', 'n9'].map((name, i) => sampleNode(name, `10.0.1.${i + 1}`))] };
  const plan = planScaleUp({ planId: 'plan-1', facts, masters: [], workers: ['10.0.1.1-10.0.1.3'] });
  const joining = { nodeId: 'node-n7', name: 'n7', ip: '10.0.1.1', role: 'worker', state: 'joining' } as const;
  const record = { ...facts.record!, members: [...facts.record!.members, joining] };
  const begunOn = new Set(['node-n7', 'node-n8', 'node-m1']);
  const back = planRollback({ planId, operation, plan, begunOn, force: false, facts: { ...facts, record } });
  assert.equal(back.summary, 'roll back op-1: remove 2 workers from cluster demo: n7, n8');
  assert.deepEqual(nodesOf(back), ['m1', 'n7', 'n8']);
  assert.throws(() => planRollback({ planId, operation, plan, begunOn: new Set(['node-m1']), force: false, facts }), {
    code: 'OPERATION_STATE',
  });
});

const facts = installed(sampleNodes(2, 1));
const irreversible: readonly Plan[] = [
  planDeleteNodes({ planId, facts, nodes: ['n1'], force: false }),
  planDeleteCluster({ planId, facts, force: false }),
  planExec({ planId, nodes: sampleNodes(1, 0), argv: ['true'], timeoutSeconds: 5 }),
];
for (const plan of irreversible)
  test(`${plan.kind} cannot be rolled back, and the reason is said`, () => {
    assert.throws(() => planRollback({ planId, operation, plan, begunOn: new Set(['node-n1']), force: false, facts }), {
      code: 'ROLLBACK_IMPOSSIBLE',
      message: plan.kind === 'exec' ? /a command has done/ : /a removal took away/,
    });
  });
