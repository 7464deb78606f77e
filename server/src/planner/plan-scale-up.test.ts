import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed, sampleNodes } from '@seal/runtime/testing';
import { away, planId, records, shape, withNew } from './change-samples.ts';
import { planScaleUp } from './plan-scale-up.ts';

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
