import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Plan } from '@seal/plan';
import { planJsonSchema, planSchema } from '@seal/protocol/plan-schema';
import { installed, sampleCluster, sampleFacts, sampleNode, sampleNodes } from '@seal/runtime/testing';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';
import { planExec } from './plan-exec.ts';
import { planRun } from './plan-run.ts';
import { planScaleUp } from './plan-scale-up.ts';

const planId = 'plan-1';
const nodes = sampleNodes(3, 2);
const facts = installed(nodes);
const grown = { ...facts, nodes: [...facts.nodes, sampleNode('m9', '10.0.1.1')] };
const plans: readonly Plan[] = [
  planRun({ planId, desired: sampleCluster(nodes), facts: sampleFacts(nodes) }),
  planScaleUp({ planId, facts: grown, masters: ['10.0.1.1'], workers: [] }),
  planDeleteNodes({ planId, facts, nodes: ['m2', 'n1'], force: true }),
  planDeleteCluster({ planId, facts, force: false }),
  planExec({ planId, nodes, argv: ['true'], timeoutSeconds: 5 }),
];

test('docs/plan.schema.json is the schema of plans (npm run gen writes it)', () => {
  const written = readFileSync(new URL('../../../docs/plan.schema.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(planJsonSchema())));
});

for (const plan of plans)
  test(`a plan of the kind ${plan.kind} is as its schema says, as it is printed`, () => {
    const printed = JSON.parse(JSON.stringify(plan)) as unknown;
    assert.deepEqual(planSchema.parse(printed), printed);
  });

test('a plan with anything that the schema does not name is none', () => {
  const [plan] = plans;
  assert.equal(planSchema.safeParse({ ...plan, more: 1 }).success, false);
  const [phase] = plan!.phases;
  const unknown = { ...phase!.steps[0]!, kind: 'rm-rf' };
  assert.equal(planSchema.safeParse({ ...plan, phases: [{ ...phase, steps: [unknown] }] }).success, false);
});
