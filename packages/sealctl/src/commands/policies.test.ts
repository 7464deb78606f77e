import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { planToWire } from '@seal/protocol';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { type CapturedOptions, capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-'));
after(() => rm(root, { recursive: true }));
const double = await ServerDouble.start();
after(() => double[Symbol.asyncDispose]());

const run = (line: string, options: CapturedOptions = {}) =>
  capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { home: root, ...options });
const last = (method: string) => double.calls.findLast((call) => call.method === method)?.request;
const taking: Plan = {
  ...{ ...smallPlan(), kind: 'delete-cluster', summary: 'roll back op-1: delete cluster demo' },
  phases: smallPlan().phases.map((phase) => ({ ...phase, destructive: true })),
};

/** The double runs an operation that succeeds at once. */
function operationThatSucceeds(id: string, plan: Plan = smallPlan()): void {
  double.operations.set(id, { plan, items: [] });
  double.happen(id, { type: 'operation-created', requestedBy: 'ada' });
  double.happen(id, { type: 'operation-finished', status: 'SUCCEEDED' });
}

const unchanged = { onFailure: '', maxUnavailable: '', timeoutSeconds: 0, stallSeconds: 0, stallAction: '', skipNodes: [] };
const policies: readonly (readonly [flags: string, policy: object])[] = [
  ['', unchanged],
  ['--fail-fast', { ...unchanged, onFailure: 'fail-fast' }],
  ['--continue --max-unavailable 10%', { ...unchanged, onFailure: 'continue', maxUnavailable: '10%' }],
  ['--skip-node n1 --skip-node 10.0.0.9', { ...unchanged, skipNodes: ['n1', '10.0.0.9'] }],
  [
    '--timeout 2h --stall 90s --stall-action cancel',
    { ...unchanged, timeoutSeconds: 7200, stallSeconds: 90, stallAction: 'cancel' },
  ],
];
for (const [flags, policy] of policies)
  test(`scale-up, delete and resume send "${flags || 'no flag'}" as what is to be done about failures`, async () => {
    double.answers.scaleUp = () => ({ operation: 'op-1', plan: planToWire(smallPlan()), savedUntilMs: 0 });
    double.answers.deleteNodes = () => ({ operation: 'op-1', plan: planToWire(smallPlan()), savedUntilMs: 0 });
    double.answers.resumeOperation = () => ({});
    const more = flags === '' ? '' : ` ${flags}`;
    for (const line of ['scale-up -n 10.0.0.3', 'delete -n 10.0.0.3', 'operation resume op-1'])
      assert.equal((await run(`${line} --detach${more}`)).code, 0);
    for (const method of ['scaleUp', 'deleteNodes', 'resumeOperation']) assert.partialDeepStrictEqual(last(method), { policy });
  });

for (const flags of [
  '--fail-fast --continue',
  '--max-unavailable 0',
  '--max-unavailable 101%',
  '--stall-action kill',
  '--timeout 5',
])
  test(`"${flags}" is wrong use`, async () => assert.equal((await run(`scale-up -n 10.0.0.3 ${flags}`)).code, 2));

test('delete --skip-drain is sent, and has no place beside -a', async () => {
  double.answers.deleteNodes = () => ({ operation: 'op-1', plan: planToWire(smallPlan()), savedUntilMs: 0 });
  await run('delete -n 10.0.0.3 --skip-drain --detach');
  assert.partialDeepStrictEqual(last('deleteNodes'), { skipDrain: true, force: false });
  assert.equal((await run('delete -a --skip-drain')).code, 2);
});

test('plan --save says until when the plan can be applied and how; apply --plan runs it', async () => {
  const savedUntilMs = new Date(2025, 0, 1, 13, 14, 15).getTime();
  double.answers.scaleUp = (request) => {
    return { operation: '', plan: planToWire(smallPlan()), savedUntilMs: request.save ? savedUntilMs : 0 };
  };
  const saved = await run('plan scale-up -n 10.0.0.3 --save');
  assert.equal(saved.stderr, 'Saved until 13:14:15. Run it with "sealctl apply --plan plan-1".\n');
  assert.partialDeepStrictEqual(last('scaleUp'), { dryRun: true, save: true });
  assert.equal((await run('plan scale-up -n 10.0.0.3')).stderr, '');
  double.answers.applyPlan = () => {
    operationThatSucceeds('op-5');
    return { operation: 'op-5', plan: planToWire(smallPlan()), savedUntilMs: 0 };
  };
  const { code, stdout } = await run('apply --plan plan-1 --continue');
  assert.equal(code, 0);
  assert.match(stdout, /\(op-5\)\n$/);
  assert.partialDeepStrictEqual(last('applyPlan'), { planId: 'plan-1', policy: { onFailure: 'continue' } });
  double.answers.applyPlan = () => {
    throw new Problem('PLAN_STALE', 'plan plan-1 was made for revision 3 of cluster demo, which is at 4 now');
  };
  const stale = await run('apply --plan plan-1');
  assert.equal(stale.code, 5);
  assert.match(stale.stderr, /^PLAN_STALE: .* at 4 now\nMake the plan anew/);
});

test('apply -f goes on until nothing differs, and asks about every operation', async () => {
  const file = join(root, 'Clusterfile');
  await writeFile(
    file,
    'apiVersion: sealer.io/v2\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  image: kubernetes:1.20.2\n  hosts:\n    - {ips: [10.0.0.2], roles: [master]}\n',
  );
  const image = {
    ...{ reference: 'localhost/kubernetes:1.20.2', digest: '', arch: 'amd64', sizeBytes: 1, createdAtMs: 1 },
    ...{ runtime: 'kubernetes', runtimeVersion: 'v1.20.2' },
  };
  double.answers.listImages = () => ({ images: [image] });
  const differences = [['+ worker 10.0.0.14', '- worker 10.0.0.13 (n2)'], ['- worker 10.0.0.13 (n2)'], []];
  let round = 0;
  double.answers.apply = (request) => {
    const left = differences[round] ?? [];
    if (left.length === 0) return { operation: '', plan: undefined, differences: [] };
    if (request.dryRun) return { operation: '', plan: planToWire(smallPlan()), differences: left };
    round += 1;
    operationThatSucceeds(`op-${10 + round}`);
    return { operation: `op-${10 + round}`, plan: planToWire(smallPlan()), differences: left };
  };
  const refused = await run(`apply -f ${file} --store ${join(root, 'store')}`, { answers: ['no'] });
  assert.equal(refused.code, 8, refused.stderr);
  assert.equal(round, 0);
  const { code, stderr, questions } = await run(`apply -f ${file} --store ${join(root, 'store')}`, { answers: ['yes', 'yes'] });
  assert.equal(code, 0);
  assert.equal(questions.length, 2);
  assert.match(stderr, /\+ worker 10\.0\.0\.14\n- worker 10\.0\.0\.13 \(n2\)\n/);
  assert.match(stderr, /Cluster demo is as .*Clusterfile says\.\n$/);
  const again = await run(`apply -f ${file} --store ${join(root, 'store')}`);
  assert.deepEqual([again.code, again.questions.length], [0, 0]);
  assert.match(again.stderr, /Nothing to do: cluster demo is as .*Clusterfile says\.\n$/);
});

test('apply wants either a Clusterfile or a plan', async () => {
  assert.equal((await run('apply')).code, 2);
  assert.equal((await run('apply -f x --plan y')).code, 2);
});

test('operation rollback shows what is taken away, asks, and follows the new operation', async () => {
  double.answers.rollbackOperation = (request) => {
    if (!request.dryRun) operationThatSucceeds('op-9', taking);
    return { operation: request.dryRun ? '' : 'op-9', plan: planToWire(taking) };
  };
  assert.equal((await run('operation rollback op-1')).code, 2);
  const { code, stdout, questions } = await run('operation rollback op-1', { answers: ['yes'] });
  assert.deepEqual([code, questions], [0, ['roll back op-1: delete cluster demo: go on? [y/N] ']]);
  assert.match(stdout, /\(op-9\)\n$/);
  assert.partialDeepStrictEqual(last('rollbackOperation'), { id: 'op-1', dryRun: false, force: false });
});

test('what was left out, stalled, timed out or taken back is told in the log', async () => {
  const [fetchM1, fetchN1] = smallPlan().phases[0]!.steps.map((step) => step.id);
  double.operations.set('op-7', { plan: smallPlan(), items: [] });
  const policy = { onFailure: 'continue', stallAction: 'report' } as const;
  double.happen('op-7', { type: 'operation-created', requestedBy: 'ada', policy, rollbackOf: 'op-1' });
  double.happen('op-7', { type: 'node-skipped', node: 'node-n1', requestedBy: 'eve' });
  double.happen('op-7', { type: 'steps-skipped', node: 'node-n1', reason: 'asked', steps: [fetchN1!] });
  double.happen('op-7', { type: 'step-stalled', step: fetchM1!, attempt: 1, seconds: 900 });
  double.happen('op-7', { type: 'operation-timed-out', seconds: 3600 });
  const problem = new Problem('TIMEOUT', 'operation op-7 has not ended within 3600 s').toJSON();
  double.happen('op-7', { type: 'operation-finished', status: 'FAILED', problem });
  const { code, stdout } = await run('operation watch op-7');
  assert.equal(code, 8);
  for (const line of [
    /n1 is left out, as eve asked\n/,
    /n1: 1 step left out, as was asked\n/,
    /distribute m1 fetch layers … no output for 15m 00s\n/,
    /the operation has not ended within 1h 00m\n/,
  ])
    assert.match(stdout, line);
});
