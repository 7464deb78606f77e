import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makePhases, type Plan, type StepOutcome } from '@seal/plan';
import { planToWire } from '@seal/protocol';
import { ServerDouble } from '@seal/protocol/server-double';
import { type CapturedOptions, capturedRun } from '../captured-run.ts';

const double = await ServerDouble.start();
after(() => double[Symbol.asyncDispose]());

const command = (node: string) =>
  ({
    title: 'uname',
    node,
    kind: 'run-command',
    args: { argv: ['uname'], env: {} },
    effect: 'irreversible',
    timeoutSeconds: 9,
  }) as const;
const plan: Plan = {
  id: 'plan-x',
  kind: 'exec',
  cluster: '',
  baseRevision: 0,
  summary: 'run uname on 2 nodes',
  nodes: [
    { id: 'a', name: 'm1', ip: '10.0.0.1', role: 'none' },
    { id: 'b', name: 'worker-2', ip: '10.0.0.2', role: 'none' },
  ],
  phases: makePhases('plan-x', [{ name: 'exec', title: 'Run', steps: [command('a'), command('b')] }]),
};
const [onM1, onWorker] = plan.phases[0]!.steps.map((step) => step.id) as [string, string];
let count = 0;

/** The double runs the command: `script` says what happens. */
function answer(
  script: (id: string, finish: (step: string, exitCode: number | undefined, outcome?: StepOutcome) => void) => void,
) {
  double.answers.exec = () => {
    count += 1;
    const id = `op-${count}`;
    double.operations.set(id, { plan, items: [] });
    double.happen(id, { type: 'operation-created', requestedBy: 'ada' });
    script(id, (step, exitCode, outcome = exitCode === 0 ? 'SUCCEEDED' : 'FAILED') =>
      double.happen(id, {
        type: 'step-finished',
        step,
        attempt: 1,
        outcome,
        durationMs: 5,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(outcome === 'UNKNOWN'
          ? { problem: { code: 'NODE_UNREACHABLE', message: 'm1 is away', remedy: '', details: {} } }
          : {}),
      }),
    );
    return { operation: id, plan: planToWire(plan), savedUntilMs: 0 };
  };
}

const ended = (id: string, status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED') =>
  double.happen(id, { type: 'operation-finished', status });
const run = (argv: readonly string[], options: CapturedOptions = {}) =>
  capturedRun(['--server', `unix:${double.socket}`, 'exec', ...argv], options);

test('stdout and stderr arrive apart, whole lines, each behind its node in a column', async () => {
  answer((id, finish) => {
    double.print(id, onM1, 'half a ');
    double.print(id, onWorker, 'worker line\n');
    double.print(id, onM1, 'line\nlast without end');
    double.print(id, onWorker, 'warning\n', 2);
    finish(onM1, 0);
    finish(onWorker, 0);
    ended(id, 'SUCCEEDED');
  });
  assert.deepEqual(await run(['m1', 'worker-2', '--timeout', '30s', '--', 'sh', '-c', 'uname -r', '--', '-q']), {
    code: 0,
    stdout: 'worker-2 | worker line\nm1       | half a line\nm1       | last without end\n',
    stderr: 'worker-2 | warning\n',
    questions: [],
  });
  assert.deepEqual(double.calls.findLast((call) => call.method === 'exec')?.request, {
    nodes: ['m1', 'worker-2'],
    argv: ['sh', '-c', 'uname -r', '--', '-q'],
    timeoutSeconds: 30,
  });
});

test('the exit code is the highest of the command on any node', async () => {
  answer((id, finish) => {
    finish(onM1, 3);
    finish(onWorker, 42);
    ended(id, 'FAILED');
  });
  assert.deepEqual(await run(['all', '--', 'false']), { code: 42, stdout: '', stderr: '', questions: [] });
});

test('where the command could not be run, the node and the reason are told, and the exit code is 1', async () => {
  answer((id, finish) => {
    finish(onM1, undefined, 'UNKNOWN');
    finish(onWorker, 0);
    ended(id, 'FAILED');
  });
  const { code, stderr } = await run(['all', '--', 'true']);
  assert.deepEqual([code, stderr], [1, 'm1: NODE_UNREACHABLE: m1 is away\n']);
});

test('without prefix the output is that of the command, byte for byte per line', async () => {
  answer((id, finish) => {
    double.print(id, onM1, '\x1b[1mbold\x1b[0m\n');
    finish(onM1, 0);
    finish(onWorker, 0);
    ended(id, 'SUCCEEDED');
  });
  assert.equal((await run(['--no-prefix', 'm1', '--', 'x'])).stdout, '\x1b[1mbold\x1b[0m\n');
  assert.deepEqual(JSON.parse((await run(['-o', 'json', 'm1', '--', 'x'])).stdout), {
    node: 'm1',
    stream: 1,
    text: '\x1b[1mbold\x1b[0m',
  });
});

test('Ctrl-C cancels the operation, waits for its end and exits with 8', async () => {
  answer((id) => double.print(id, onM1, 'running\n'));
  double.answers.cancelOperation = ({ id }) => {
    ended(id, 'CANCELLED');
    return {};
  };
  let interrupt: () => void = assert.fail;
  const { code, stderr } = await run(['m1', '--', 'sleep', '9'], {
    onInterruptible: (given) => {
      interrupt = given;
    },
    onStdout: () => interrupt(),
  });
  assert.equal(code, 8);
  assert.match(stderr, /^cancelling operation (op-\d+); press Ctrl-C again/);
  assert.match(stderr, /\nCANCELLED: operation op-\d+ was cancelled\n/);
});

test('a second Ctrl-C does not leave before the server has been told to cancel', async () => {
  answer((id) => double.print(id, onM1, 'running\n'));
  let told = false;
  double.answers.cancelOperation = () => {
    told = true;
    return {};
  };
  let interrupt: () => void = assert.fail;
  const { code, stderr } = await run(['m1', '--', 'sleep', '9'], {
    onInterruptible: (given) => {
      interrupt = given;
    },
    onStdout: () => {
      interrupt();
      interrupt();
    },
  });
  assert.deepEqual([code, told], [8, true]);
  assert.match(stderr, /is being cancelled\n/);
});

test('a node must be named', async () => {
  assert.equal((await run(['--', 'true'])).code, 2);
});
