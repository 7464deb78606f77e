import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerDouble } from '@seal/protocol/server-double';
import { smallPlan } from '@seal/protocol/small-plan';
import { type CapturedOptions, capturedRun } from './captured-run.ts';

process.env.TZ = 'UTC';
const id = 'op-1';
const plan = smallPlan();
const [fetchM1, fetchN1] = plan.phases[0]!.steps.map((step) => step.id) as [string, string];
const join = plan.phases[1]!.steps[0]!.id;

async function begun(): Promise<ServerDouble> {
  const double = await ServerDouble.start();
  double.operations.set(id, { plan, items: [] });
  double.happen(id, { type: 'operation-created', requestedBy: 'ada' });
  double.happen(id, { type: 'operation-started' });
  double.happen(id, { type: 'phase-started', phase: 'distribute' });
  for (const step of [fetchM1, fetchN1]) finish(double, step, 'SUCCEEDED');
  double.happen(id, { type: 'phase-finished', phase: 'distribute', status: 'SUCCEEDED' });
  return double;
}

function finish(double: ServerDouble, step: string, outcome: 'SUCCEEDED' | 'FAILED'): void {
  double.happen(id, { type: 'step-dispatched', step, attempt: 1, epoch: 1 });
  double.happen(id, { type: 'step-started', step, attempt: 1 });
  if (step === join) double.print(id, step, 'preflight ok\nerror: cannot reach \x1b[31m10.77.1.11:6443\x1b[0m\n', 2);
  const problem = {
    code: 'STEP_FAILED',
    message: '"kubeadm join" on n1 ended with exit code 1',
    remedy: 'Mend it.',
    details: {},
  } as const;
  double.happen(id, {
    type: 'step-finished',
    step,
    attempt: 1,
    outcome,
    exitCode: outcome === 'FAILED' ? 1 : 0,
    durationMs: 3200,
    ...(outcome === 'FAILED' ? { problem } : {}),
  });
}

function end(double: ServerDouble, outcome: 'SUCCEEDED' | 'FAILED'): void {
  double.happen(id, { type: 'phase-started', phase: 'join-workers' });
  finish(double, join, outcome);
  double.happen(id, { type: 'phase-finished', phase: 'join-workers', status: outcome });
  double.happen(id, { type: 'operation-finished', status: outcome });
}

const watch = (double: ServerDouble, flags: readonly string[] = [], options: CapturedOptions = {}) =>
  capturedRun(['operation', 'watch', id, '--server', `unix:${double.socket}`, ...flags], options);

test('a success is told in plain lines, one per step begun and ended, and the exit code is 0', async () => {
  await using double = await begun();
  end(double, 'SUCCEEDED');
  const { code, stdout, stderr } = await watch(double);
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(stdout.split('\n'), [
    '00:00:01 install cluster demo: 1 master, 1 worker, image kubernetes:1.20.2 (op-1)',
    '00:00:03 distribute: Distribute the image',
    '00:00:05 distribute m1 fetch layers …',
    '00:00:06 distribute m1 fetch layers … ok 3.2s',
    '00:00:08 distribute n1 fetch layers …',
    '00:00:09 distribute n1 fetch layers … ok 3.2s',
    '00:00:11 join-workers: Join the workers',
    '00:00:13 join-workers n1 kubeadm join …',
    '00:00:14 join-workers n1 kubeadm join … ok 3.2s',
    'install cluster demo: 1 master, 1 worker, image kubernetes:1.20.2: done in 15s (op-1)',
    '',
  ]);
});

test('a failure says which step failed where, its last output, the remedy and how to go on; the exit code is 1', async () => {
  await using double = await begun();
  end(double, 'FAILED');
  const { code, stderr } = await watch(double);
  assert.equal(code, 1);
  assert.deepEqual(stderr.split('\n'), [
    'OPERATION_FAILED: operation op-1 (install cluster demo: 1 master, 1 worker, image kubernetes:1.20.2) failed: join-workers: "kubeadm join" on n1',
    '  n1 (10.77.1.12): kubeadm join failed, exit code 1',
    '    STEP_FAILED: "kubeadm join" on n1 ended with exit code 1',
    '    | preflight ok',
    '    | error: cannot reach 10.77.1.11:6443',
    'Mend it.',
    'All output: "sealctl operation logs op-1 --node n1".',
    'Once the cause is mended, go on with "sealctl operation resume op-1"; what succeeded is not done again.',
    '',
  ]);
});

test('with -o json every line is a JSON object, also the error on stderr', async () => {
  await using double = await begun();
  end(double, 'FAILED');
  const { code, stdout, stderr } = await watch(double, ['-o', 'json']);
  assert.equal(code, 1);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0].type, 'plan');
  const output = lines.filter((line) => line.type === 'step-output');
  assert.deepEqual(output.map(({ node, stream, text }) => ({ node, stream, text }))[0], {
    node: 'n1',
    stream: 2,
    text: 'preflight ok',
  });
  assert.equal(lines.at(-1).type, 'operation-finished');
  const error = JSON.parse(stderr);
  assert.deepEqual([error.problem.code, error.exitCode], ['OPERATION_FAILED', 1]);
  assert.equal(error.problem.details.failedSteps[0].lastOutput[0], 'preflight ok');
});

test('--quiet says nothing about a success', async () => {
  await using double = await begun();
  end(double, 'SUCCEEDED');
  const { code, stdout, stderr } = await watch(double, ['-q']);
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('Ctrl-C ends the watching, not the operation: exit code 8, and how to watch and cancel', async () => {
  await using double = await begun();
  let interrupt: () => void = assert.fail;
  const { code, stderr } = await watch(double, [], {
    onInterruptible: (given) => {
      interrupt = given;
    },
    onStdout: (text) => {
      if (text.includes('n1 fetch layers … ok')) interrupt();
    },
  });
  assert.equal(code, 8);
  assert.match(stderr, /^CANCELLED: stopped watching; operation op-1 goes on on the server\n/);
  assert.match(stderr, /sealctl operation watch op-1".*"sealctl operation cancel op-1"/);
  assert.ok(!double.calls.some((call) => call.method === 'cancelOperation'));
});

test('a lost connection is told once on stderr, and the rest follows', async () => {
  await using double = await begun();
  const { code, stdout, stderr } = await watch(double, [], {
    onStdout: (text) => {
      if (!text.includes('n1 fetch layers … ok')) return;
      void double.kill().then(async () => {
        end(double, 'SUCCEEDED');
        await double.restart();
      });
    },
  });
  assert.equal(code, 0);
  assert.equal(stderr.match(/connection lost, trying again/g)?.length, 1);
  assert.equal(stdout.match(/n1 fetch layers … ok/g)?.length, 1);
  assert.match(stdout, /join-workers n1 kubeadm join … ok/);
});

test('a cancelled operation ends with exit code 8', async () => {
  await using double = await begun();
  double.happen(id, { type: 'operation-finished', status: 'CANCELLED' });
  const { code, stderr } = await watch(double);
  assert.equal(code, 8);
  assert.match(stderr, /^CANCELLED: operation op-1 .* was cancelled\n/);
});

test('resume asks the server and follows', async () => {
  await using double = await begun();
  double.happen(id, { type: 'operation-finished', status: 'FAILED' });
  double.answers.resumeOperation = () => {
    double.happen(id, { type: 'resume-requested', requestedBy: 'ada' });
    end(double, 'SUCCEEDED');
    return {};
  };
  const { code, stdout } = await capturedRun(['operation', 'resume', id, '--server', `unix:${double.socket}`]);
  assert.equal(code, 0);
  assert.match(stdout, /resumed by ada/);
});

test('logs print the output of steps below a heading, prefixed by node', async () => {
  await using double = await begun();
  end(double, 'FAILED');
  double.print(id, join, 'no newline', 1);
  const run = (flags: string[]) => capturedRun(['operation', 'logs', id, '--server', `unix:${double.socket}`, ...flags]);
  assert.deepEqual((await run([])).stdout.split('\n'), [
    'n1 | kubeadm join',
    'n1 | preflight ok',
    'n1 | error: cannot reach 10.77.1.11:6443',
    'n1 | no newline',
    '',
  ]);
  assert.equal((await run(['--node', 'm1'])).stdout, '');
  assert.equal((await run(['--node', '10.77.1.12'])).stdout.split('\n').length, 5);
});
