import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '@seal/foundation';
import type { operationProto } from '@seal/protocol';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { type CapturedOptions, capturedRun } from '../captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-defaults-'));
after(() => rm(root, { recursive: true }));
const double = await ServerDouble.start();
after(() => double[Symbol.asyncDispose]());

const now = Date.UTC(2025, 0, 1);
const run = (line: string, options: CapturedOptions = {}) =>
  capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { home: root, ...options });
const cluster = {
  name: 'demo',
  image: 'localhost/kubernetes:1.20.2',
  runtime: 'kubernetes',
  runtimeVersion: 'v1.20.2',
  revision: 3,
  state: 'installing',
  members: [],
  operation: 'op-1',
};
const stoppedOperation: operationProto.OperationSummary = {
  id: 'op-1',
  kind: 'install',
  cluster: 'demo',
  status: 'FAILED',
  summary: 'install cluster demo',
  requestedBy: 'ada',
  createdAtMs: now - 120_000,
  finishedAtMs: now - 60_000,
  waitingFor: '',
  problem: undefined,
  stepsDone: 1,
  stepsTotal: 3,
  rollbackOf: '',
  rolledBackBy: '',
  runSinceMs: 0,
  earlierMs: 0,
};

test('status says how the operation of a cluster stands, and how to go on when it stopped', async () => {
  double.answers.listClusters = () => ({ clusters: [cluster] });
  double.answers.listOperations = () => ({ operations: [stoppedOperation] });
  assert.match((await run('status')).stdout, /\nOperation:\s+op-1 FAILED .*"sealctl operation resume op-1"/);
  double.answers.listOperations = () => ({ operations: [{ ...stoppedOperation, status: 'RUNNING' }] });
  assert.match((await run('status')).stdout, /\nOperation:\s+op-1 RUNNING\n/);
});

test('without an id, operation show, watch and logs take the newest one', async () => {
  double.operations.set('op-new', { plan: smallPlan(), items: [] });
  double.happen('op-new', { type: 'operation-created', requestedBy: 'ada' });
  double.happen('op-new', { type: 'operation-finished', status: 'SUCCEEDED' });
  double.answers.listOperations = ({ limit }) => ({
    operations: limit === 1 ? [{ ...stoppedOperation, id: 'op-new', summary: 'it' }] : [],
  });
  for (const verb of ['watch', 'logs']) {
    const { code, stderr } = await run(`operation ${verb}`);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Operation op-new: it\n/);
  }
  double.answers.listOperations = () => ({ operations: [] });
  assert.equal((await run('operation watch')).code, 4);
});

test('a format behind -o of kubeconfig is refused: it names a file there', async () => {
  const { code, stderr } = await run('kubeconfig -o json');
  assert.equal(code, 2);
  assert.match(stderr, /^USAGE: -o names a file here.*\n.*-o \.\/json/);
});

test('root at the socket stays admin: a context that login --local makes there is not the current one', async () => {
  double.answers.issueOperatorCertificate = () => ({
    certificatePem: 'CERT',
    caPem: 'CA',
    expiresAtMs: now,
    grpcAddress: '10.0.0.1:7443',
    httpsAddress: '10.0.0.1:7444',
  });
  const home = join(root, 'root-home');
  const { code, stderr } = await run('login --local --as small', { home, uid: 0 });
  assert.equal(code, 0);
  assert.match(stderr, /^The context small is made\. It is not the current one/);
  assert.deepEqual(await readdir(join(home, '.config/seal')), ['contexts']);
  assert.equal((await run('login --local --as small', { home, uid: 1000 })).code, 0);
  assert.deepEqual(JSON.parse(await readFile(join(home, '.config/seal/config.json'), 'utf8')), { currentContext: 'small' });
});

test('whoever may use the local socket is told of it when a context may not do something', async () => {
  double.answers.listClusters = () => {
    throw new Problem('PERMISSION_DENIED', 'no');
  };
  const socket = join(root, 'there.sock');
  assert.doesNotMatch((await run('status', { uid: 0, localSocket: socket })).stderr, /--context local/);
  await writeFile(socket, '');
  assert.match((await run('status', { uid: 0, localSocket: socket })).stderr, /^PERMISSION_DENIED: no\n.*"--context local"/);
  assert.doesNotMatch((await run('status', { uid: 1000, localSocket: socket })).stderr, /--context local/);
});
