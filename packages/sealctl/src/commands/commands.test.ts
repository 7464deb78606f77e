import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
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

const now = Date.UTC(2025, 0, 1);
const clock = { now: () => now, setTimer: () => () => undefined };
const run = (line: string, options: CapturedOptions = {}) =>
  capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { clock, home: root, ...options });
const last = (method: string) => double.calls.findLast((call) => call.method === method)?.request;
const node = {
  id: 'node-n1',
  name: 'n1',
  addresses: ['10.0.0.12', 'fd00::12'],
  connected: false,
  lastSeenAtMs: now - 60_000,
  agentVersion: '0.1.0',
  arch: 'amd64',
  cluster: 'demo',
  role: 'worker',
  enrolledAtMs: now - 3_600_000,
  certificateExpiresAtMs: now + 3_600_000,
  facts: { cpus: 4, memoryBytes: 8 * 1024 ** 3 },
};
const member = { nodeId: 'node-n1', name: 'n1', ip: '10.0.0.12', role: 'worker', state: 'ready', connected: true };
const cluster = {
  name: 'demo',
  image: 'localhost/kubernetes:1.20.2',
  runtime: 'kubernetes',
  runtimeVersion: 'v1.20.2',
  revision: 3,
  state: 'ready',
  members: [member],
  operation: 'op-1',
};
const destructive: Plan = {
  ...smallPlan(),
  kind: 'delete-nodes',
  summary: 'delete node n1 from cluster demo',
  phases: smallPlan().phases.map((phase) => ({ ...phase, destructive: true })),
};

/** The double runs an operation that succeeds at once. */
function operationThatSucceeds(id: string, plan: Plan): void {
  double.operations.set(id, { plan, items: [] });
  double.happen(id, { type: 'operation-created', requestedBy: 'ada' });
  double.happen(id, { type: 'operation-finished', status: 'SUCCEEDED' });
}

test('status of a single cluster shows its members; -o json gives what the server said', async () => {
  double.answers.listOperations = () => ({ operations: [] });
  double.answers.listClusters = () => ({ clusters: [cluster] });
  const { stdout } = await run('status');
  assert.match(stdout, /^Cluster:\s+demo\nState:\s+ready\n/);
  assert.match(stdout, /\nn1\s+10\.0\.0\.12\s+worker\s+ready\s+connected\n$/);
  assert.deepEqual(JSON.parse((await run('status -o json')).stdout), [cluster]);
  double.answers.listClusters = () => ({ clusters: [cluster, { ...cluster, name: 'other', members: [] }] });
  assert.match((await run('status')).stdout, /^CLUSTER\s+STATE.*\ndemo\s+ready.*\nother\s+ready.*\n$/);
  double.answers.listClusters = () => ({ clusters: [] });
  assert.match((await run('status')).stdout, /^There is no cluster\./);
});

test('a Problem of the server is shown with its code and remedy, and gives the exit code', async () => {
  double.answers.getCluster = () => {
    throw new Problem('CLUSTER_NOT_FOUND', 'no cluster "x"');
  };
  assert.deepEqual(await run('status x'), {
    code: 4,
    stdout: '',
    stderr: 'CLUSTER_NOT_FOUND: no cluster "x"\nSee "sealctl status".\n',
    questions: [],
  });
  const { stderr } = await run('status x -o json');
  assert.deepEqual(JSON.parse(stderr), {
    problem: { code: 'CLUSTER_NOT_FOUND', message: 'no cluster "x"', remedy: 'See "sealctl status".', details: {} },
    exitCode: 4,
  });
});

test('nodes lists, shows one in detail, and prints YAML', async () => {
  double.answers.listNodes = () => ({ nodes: [{ ...node, facts: undefined }] });
  double.answers.getNode = () => ({ node });
  assert.match((await run('nodes')).stdout, /\nn1\s+10\.0\.0\.12\s+away, seen 1m 00s ago\s+demo\s+worker/);
  assert.match((await run('nodes n1')).stdout, /Memory:\s+8\.0 GiB\n/);
  assert.match((await run('nodes n1 -o yaml')).stdout, /^id: node-n1\nname: n1\naddresses:\n {2}- 10\.0\.0\.12\n/);
  assert.deepEqual(last('getNode'), { node: 'n1' });
});

test('nodes remove asks; without a terminal it refuses with exit code 2 and changes nothing', async () => {
  double.answers.getNode = () => ({ node });
  double.answers.removeNode = () => ({});
  const refused = await run('nodes remove n1');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^CONFIRMATION_REQUIRED: /);
  assert.equal((await run('nodes remove n1', { answers: ['n'] })).code, 8);
  assert.equal(last('removeNode'), undefined);
  assert.deepEqual((await run('nodes remove n1', { answers: ['y'] })).questions, [
    'Remove node n1 (10.0.0.12, fd00::12)? [y/N] ',
  ]);
  assert.deepEqual(last('removeNode'), { node: 'n1' });
});

test('token create prints the token and the install line; --quiet the token alone', async () => {
  const token = {
    id: 't1',
    usages: ['join-worker'],
    createdAtMs: now,
    expiresAtMs: now + 900_000,
    maxUses: 1,
    uses: 0,
    usedBy: [],
    revoked: false,
    nodeName: '',
    cidr: '',
    labels: {},
  };
  double.answers.createToken = () => ({ token, value: 'seal1.t1.secret.pin', installCommand: 'curl … | sh' });
  double.answers.listTokens = () => ({
    tokens: [token, { ...token, id: 't2', uses: 1 }, { ...token, id: 't3', expiresAtMs: now - 1 }],
  });
  double.answers.revokeToken = () => ({});
  const { stdout } = await run('token create --ttl 15m --uses 2 --usage join-worker --label rack=a=b');
  assert.match(
    stdout,
    /^seal1\.t1\.secret\.pin\n\nRun this .* \(ends in 15m 00s, for one node\):\n\n {2}curl … \| sh\n\nOptions go behind it: .*sh -s -- --replace.*\n$/,
  );
  assert.deepEqual(last('createToken'), {
    usages: ['join-worker'],
    ttlSeconds: 900,
    maxUses: 2,
    nodeName: '',
    cidr: '',
    labels: { rack: 'a=b' },
  });
  assert.equal((await run('token create -q')).stdout, 'seal1.t1.secret.pin\n');
  assert.match((await run('token list')).stdout, /t1\s+valid.*\nt2\s+spent.*\nt3\s+expired/);
  assert.equal((await run('token revoke t1')).code, 0);
});

test('operation list, show and cancel', async () => {
  const operation = {
    id: 'op-1',
    kind: 'install',
    cluster: 'demo',
    status: 'FAILED',
    summary: 'install cluster demo',
    requestedBy: 'ada',
    createdAtMs: now - 120_000,
    finishedAtMs: now - 60_000,
    waitingFor: '',
    problem: { code: 'OPERATION_FAILED', message: 'a step failed', remedy: 'Mend it.', details: {} },
    stepsDone: 1,
    stepsTotal: 3,
    rollbackOf: '',
    rolledBackBy: '',
    runSinceMs: 0,
    earlierMs: 0,
  };
  double.answers.listOperations = () => ({ operations: [operation] });
  double.answers.getOperation = () => ({ operation, plan: planToWire(smallPlan()), events: [] });
  double.answers.cancelOperation = () => ({});
  assert.match(
    (await run('operation list --limit 5')).stdout,
    /\nop-1\s+FAILED\s+1\/3\s+2m 00s ago\s+1m 00s\s+ada\s+install cluster demo\n$/,
  );
  assert.deepEqual(last('listOperations'), { cluster: '', limit: 5 });
  const { stdout } = await run('op show op-1');
  assert.match(stdout, /\njoin-workers\s+n1\s+kubeadm join\s+PENDING/);
  assert.match(stdout, /\nOPERATION_FAILED: a step failed\nMend it\.\n$/);
  assert.match((await run('operation cancel op-1')).stderr, /op-1 is being cancelled/);
});

test('delete shows what is taken away and asks; yes goes on and follows the operation', async () => {
  double.answers.deleteNodes = (request) => {
    if (!request.dryRun) operationThatSucceeds('op-2', destructive);
    return { operation: request.dryRun ? '' : 'op-2', plan: planToWire(destructive), savedUntilMs: 0 };
  };
  const { code, stdout, stderr, questions } = await run('delete -n 10.0.0.12-10.0.0.13', { answers: ['yes'] });
  assert.equal(code, 0);
  assert.match(stderr, /^delete node n1 from cluster demo\nnodes: .*\n {2}1\. Distribute the image DESTRUCTIVE/);
  assert.deepEqual(questions, ['delete node n1 from cluster demo: go on? [y/N] ']);
  assert.match(stdout, /done in .* \(op-2\)\n$/);
  assert.partialDeepStrictEqual(last('deleteNodes'), {
    cluster: '',
    nodes: ['10.0.0.12', '10.0.0.13'],
    dryRun: false,
    force: false,
  });
});

test('delete without a terminal refuses with exit code 2 after planning only; --force does not ask', async () => {
  double.calls.length = 0;
  double.answers.deleteCluster = (request) => ({
    operation: request.dryRun ? '' : 'op-2',
    plan: planToWire(destructive),
    savedUntilMs: 0,
  });
  assert.equal((await run('delete -a')).code, 2);
  assert.deepEqual(
    double.calls.map((call) => (call.request as { dryRun?: boolean }).dryRun),
    [true],
  );
  assert.equal((await run('delete -a --force --detach')).stdout, 'op-2\n');
  assert.partialDeepStrictEqual(last('deleteCluster'), { cluster: '', dryRun: false, force: true });
});

test('scale-up sends expanded addresses and asks nothing when nothing is taken away', async () => {
  double.answers.scaleUp = (request) => {
    if (!request.dryRun) operationThatSucceeds('op-3', smallPlan());
    return { operation: 'op-3', plan: planToWire(smallPlan()), savedUntilMs: 0 };
  };
  const { code, questions } = await run('scale-up -m 10.0.0.2 -n 10.0.0.3,10.0.0.4 --cluster demo', { answers: [] });
  assert.deepEqual([code, questions], [0, []]);
  assert.partialDeepStrictEqual(last('scaleUp'), {
    cluster: 'demo',
    masters: ['10.0.0.2'],
    workers: ['10.0.0.3', '10.0.0.4'],
    dryRun: false,
  });
});

test('plan scale-up and plan delete only ever ask for a dry run', async () => {
  double.calls.length = 0;
  assert.match((await run('plan scale-up -n 10.0.0.3')).stdout, /^install cluster demo.*\n2 phases, 3 steps on 2 nodes:\n/);
  assert.equal(JSON.parse((await run('plan delete -a -o json')).stdout).phases.length, 2);
  assert.deepEqual(
    double.calls.map((call) => (call.request as { dryRun?: boolean }).dryRun),
    [true, true],
  );
});

test('kubeconfig goes to stdout, or to a file that only its owner can read', async () => {
  double.answers.getKubeconfig = () => ({ kubeconfig: 'apiVersion: v1\n' });
  assert.equal((await run('kubeconfig')).stdout, 'apiVersion: v1\n');
  const file = join(root, 'new/dir/config');
  const { code, stdout, stderr } = await run(`kubeconfig demo --ttl 2h -o ${file}`);
  assert.deepEqual([code, stdout], [0, '']);
  assert.match(stderr, /kubectl --kubeconfig/);
  assert.equal(await readFile(file, 'utf8'), 'apiVersion: v1\n');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(last('getKubeconfig'), { cluster: 'demo', ttlHours: 2 });
  assert.equal((await run('kubeconfig --ttl 90m')).code, 2);
});

test('version, and with --remote that of the server', async () => {
  double.answers.getVersion = () => ({
    version: '9.9.9',

    grpcAddress: '',
    httpsAddress: '',
    startedAtMs: 1,
    epoch: 1,
  });
  assert.match((await run('version')).stdout, /^sealctl \d+\.\d+\.\d+\n$/);
  assert.match((await run('version --remote')).stdout, /\nserver {2}9\.9\.9 \(unix:/);
});

test('login makes a context from a bundle that login -o wrote; the bundle is 0600', async () => {
  double.answers.issueOperatorCertificate = () => ({
    certificatePem: 'CERT',
    caPem: 'CA',
    expiresAtMs: now,
    grpcAddress: '10.0.0.1:7443',
    httpsAddress: '10.0.0.1:7444',
  });
  const bundle = join(root, 'ada.seal');
  assert.equal((await run(`login --local --name ada --role reader -o ${bundle}`)).code, 0);
  assert.equal((await stat(bundle)).mode & 0o777, 0o600);
  const { csrPem, role, name } = last('issueOperatorCertificate') as { csrPem: string; role: string; name: string };
  assert.match(csrPem, /BEGIN CERTIFICATE REQUEST/);
  assert.deepEqual([role, name], ['reader', 'ada']);
  assert.equal((await run(`login ${bundle} --as lab`)).code, 0);
  const config = JSON.parse(await readFile(join(root, '.config/seal/config.json'), 'utf8'));
  assert.deepEqual(config, { currentContext: 'lab' });
  assert.equal((await run('context use nope')).code, 4);
  assert.equal((await run('context remove lab --yes')).code, 0);
  assert.equal((await run('context list')).stdout.startsWith('There is no context.'), true);
});
