import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Plan } from '@seal/plan';
import { planToWire } from '@seal/protocol';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { type CapturedOptions, capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-app-'));
const double = await ServerDouble.start();
after(async () => {
  await double[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

const now = Date.UTC(2025, 0, 1);
const clock = { now: () => now, setTimer: () => () => undefined };
const run = (line: string, options: CapturedOptions = {}) =>
  capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { clock, home: root, ...options });
const last = (method: string) => double.calls.findLast((call) => call.method === method)?.request;
const plan: Plan = { ...smallPlan(), kind: 'uninstall-app', summary: 'uninstall app web' };
const destructive: Plan = { ...plan, phases: plan.phases.map((phase) => ({ ...phase, destructive: true })) };
const image = (reference: string) => ({
  ...{ reference, digest: 'sha256:1', arch: 'amd64', sizeBytes: 1, createdAtMs: 0, runtime: '', runtimeVersion: '' },
  ...{ platforms: [], indexDigest: '', kind: '' },
});
const app = {
  ...{
    name: 'web',
    cluster: 'demo',
    kind: 'app',
    image: 'docker.io/library/shop:1',
    imageDigest: 'sha256:1',
    state: 'installed',
  },
  ...{ sinceMs: now - 90_000, directory: '/var/lib/seal/data/demo/applications/shop-1' },
};

before(() => {
  double.answers.listImages = () => ({ images: ['kube', 'helm', 'fix'].map((name) => image(`localhost/${name}:1`)) });
  for (const method of ['run', 'installApps', 'uninstallApp'] as const)
    double.answers[method] = () => ({ operation: 'op-1', plan: planToWire(plan), savedUntilMs: 0 });
  double.operations.set('op-1', { plan, items: [] });
  double.happen('op-1', { type: 'operation-created', requestedBy: 'ada' });
  double.happen('op-1', { type: 'operation-finished', status: 'SUCCEEDED' });
});

test('run with hosts sends every image in its order; the server sorts them', async () => {
  const { code, stderr } = await run('run helm:1 kube:1 fix:1 -m 10.0.0.1 --apps web,db --yes');
  assert.equal(code, 0, stderr);
  const { cluster } = last('run') as { cluster: { image: string; images: string[]; launchApps: string[] } };
  assert.deepEqual([cluster.image, cluster.images], ['localhost/helm:1', ['localhost/kube:1', 'localhost/fix:1']]);
  assert.deepEqual(cluster.launchApps, ['web', 'db']);
});

test('run without hosts puts images into a cluster that exists', async () => {
  const { code, stderr } = await run('run helm:1 fix:1 --cluster demo -e Size=2 --cmds one --cmds two --force --yes');
  assert.equal(code, 0, stderr);
  const { policy: _policy, ...request } = last('installApps') as Record<string, unknown>;
  assert.deepEqual(request, {
    cluster: 'demo',
    images: ['localhost/helm:1', 'localhost/fix:1'],
    wanted: {},
    cmds: ['one', 'two'],
    env: { Size: '2' },
    force: true,
    dryRun: false,
    save: false,
  });
});

test('a file of Application documents alone says what is different about apps', async () => {
  const file = join(root, 'apps.yaml');
  await writeFile(
    file,
    'apiVersion: sealer.io/v2\nkind: Application\nspec:\n  launchApps: [web]\n  configs: [{name: web, env: [A=b]}]\n',
  );
  assert.equal((await run(`run helm:1 -f ${file} --yes`)).code, 0);
  assert.deepEqual((last('installApps') as { wanted: unknown }).wanted, {
    launchApps: ['web'],
    apps: [{ name: 'web', env: { A: 'b' }, launch: [], uninstall: [] }],
  });
  const { code, stderr } = await run(`run -f ${file}`);
  assert.equal(code, 2);
  assert.match(stderr, /^USAGE: no ClusterImage was named\n/);
});

test('a Clusterfile without hosts is for the cluster of its name', async () => {
  const file = join(root, 'hostless.yaml');
  await writeFile(
    file,
    'apiVersion: sealer.io/v2\nkind: Cluster\nmetadata: {name: lab}\nspec: {image: [helm:1, fix:1], env: [A=b]}\n',
  );
  assert.equal((await run(`run -f ${file} --yes`)).code, 0);
  const { cluster, images, env } = last('installApps') as { cluster: string; images: string[]; env: object };
  assert.deepEqual([cluster, images, env], ['lab', ['localhost/helm:1', 'localhost/fix:1'], { A: 'b' }]);
});

const contradictory: readonly (readonly [line: string, message: RegExp])[] = [
  ['run helm:1 -m 10.0.0.1 --cluster demo', /--cluster names a cluster that exists/],
  ['run helm:1 --name demo', /--name names a new cluster, and no hosts were named/],
  ['run helm:1 -e 9=x', /"9=x" is no environment variable/],
];
for (const [line, message] of contradictory)
  test(`"${line}" is refused before anything is sent`, async () => {
    const calls = double.calls.length;
    const { code, stderr } = await run(line);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(double.calls.length, calls);
  });

test('plan run of apps only plans, and keeps the plan where that is asked for', async () => {
  const { code, stdout } = await run('plan run helm:1 --save');
  assert.equal(code, 0);
  assert.match(stdout, /uninstall app web/);
  const { dryRun, save } = last('installApps') as { dryRun: boolean; save: boolean };
  assert.deepEqual([dryRun, save], [true, true]);
});

test('app list shows name, kind, image, cluster, state and since; -o json gives what the server said', async () => {
  double.answers.listApps = () => ({ apps: [app] });
  const { stdout } = await run('app list');
  assert.match(
    stdout,
    /^NAME\s+KIND\s+IMAGE\s+CLUSTER\s+STATE\s+SINCE\nweb\s+app\s+docker\.io\/library\/shop:1\s+demo\s+installed\s+1m 30s ago\n$/,
  );
  assert.deepEqual(JSON.parse((await run('app list --cluster demo -o json')).stdout), [app]);
  assert.deepEqual(last('listApps'), { cluster: 'demo' });
  double.answers.listApps = () => ({ apps: [] });
  assert.match((await run('app list --cluster demo')).stdout, /^There is no app in cluster demo\./);
});

test('app uninstall shows what it takes away and asks; --force does not answer for --yes', async () => {
  double.answers.uninstallApp = ({ dryRun }) => ({
    operation: dryRun ? '' : 'op-1',
    plan: planToWire(destructive),
    savedUntilMs: 0,
  });
  const calls = () =>
    double.calls.filter((call) => call.method === 'uninstallApp').map((call) => (call.request as { dryRun: boolean }).dryRun);
  const refused = await run('app uninstall web --force');
  assert.deepEqual([refused.code, calls()], [2, [true]]);
  assert.match(refused.stderr, /CONFIRMATION_REQUIRED/);
  const asked = await run('app uninstall web --cluster demo', { answers: ['y'] });
  assert.equal(asked.code, 0, asked.stderr);
  assert.deepEqual(asked.questions, ['uninstall app web: go on? [y/N] ']);
  assert.deepEqual(calls(), [true, true, false]);
  const { name, cluster, force } = last('uninstallApp') as { name: string; cluster: string; force: boolean };
  assert.deepEqual([name, cluster, force], ['web', 'demo', false]);
});

test('plan uninstall only plans', async () => {
  const { code, stdout } = await run('plan uninstall web --force');
  assert.equal(code, 0);
  assert.match(stdout, /DESTRUCTIVE/);
  assert.equal((last('uninstallApp') as { dryRun: boolean }).dryRun, true);
});
