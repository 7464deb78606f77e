import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { processStartTime } from '../host/proc-stat.ts';
import { command, LocalRunner, shellStep, withAgentDirectory } from '../testing/local-runner.ts';

const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0);

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    assert.ok(tries < 600, 'it did not come to be within 30 s');
    await delay(50);
  }
}

test('a command is journaled, accepted, started and finished, in this order, with its exit code and output', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', 'echo out; echo err >&2')));
    const finished = await local.outcome('a');
    assert.deepEqual(
      local.reports.map(({ type }) => type),
      ['accepted', 'started', 'finished'],
    );
    assert.deepEqual([finished.outcome, finished.exitCode, finished.stdoutBytes, finished.stderrBytes], ['SUCCEEDED', 0, 4, 4]);
    assert.equal((await local.output('a')).toString(), 'out\n');
    assert.equal((await local.output('a', 2)).toString(), 'err\n');
  }));

test('a redelivered command answers from the journal and has no second effect', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `echo ran >>${marks}; sleep 0.2`);
    await Promise.all([1, 2, 3].map(() => local.runner.run(command(step))));
    await local.outcome('a');
    await local.runner.run(command(step));
    await local.runner.run(command(step, { attempt: 2 }));
    assert.equal((await local.outcome('a', 2)).outcome, 'SUCCEEDED');
    assert.equal(lines(marks), 1);
  }));

test('a higher attempt of a failed step runs it again and the script sees the number', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `echo $SEAL_ATTEMPT >>${marks}; echo no disk >&2; test "$SEAL_ATTEMPT" = 2`);
    await local.runner.run(command(step));
    const first = await local.outcome('a');
    assert.deepEqual([first.outcome, first.exitCode, first.problem?.code], ['FAILED', 1, 'STEP_FAILED']);
    assert.match(first.problem?.message ?? '', /exit code 1; its last line: no disk/);
    await local.runner.run(command(step, { attempt: 2 }));
    assert.equal((await local.outcome('a', 2)).outcome, 'SUCCEEDED');
    assert.equal(readFileSync(marks, 'utf8'), '1\n2\n');
  }));

test('a higher attempt that comes while a lower one runs waits for it and then follows its outcome', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `sleep 0.3; echo ran >>${marks}`);
    await local.runner.run(command(step));
    await local.runner.run(command(step, { attempt: 2 }));
    assert.equal((await local.outcome('a', 2)).outcome, 'SUCCEEDED');
    assert.equal(lines(marks), 1);
  }));

test('a command of a replaced server is refused, also after a restart of the agent, and runs nothing', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', 'true'), { epoch: 5 }));
    await local.outcome('a');
    await local.journal.close();
    const again = await LocalRunner.open({ directory });
    await again.runner.run(command(shellStep('b', `touch ${directory}/ran`), { epoch: 4 }));
    assert.equal((await again.outcome('b')).problem?.code, 'SERVER_EPOCH_STALE');
    await again.runner.run(command(shellStep('c', 'true'), { epoch: 5 }));
    assert.equal((await again.outcome('c')).outcome, 'SUCCEEDED');
    assert.ok(!existsSync(join(directory, 'ran')));
  }));

test('a step that cannot be journaled is refused and has no effect, not even when its command comes again', () =>
  withAgentDirectory(async (directory) => {
    const fails = () => Promise.reject(new Error('ENOSPC: no space left on device'));
    let full = true;
    const journalFile = {
      readAll: async () => new Uint8Array(),
      append: () => (full ? fails() : Promise.resolve()),
      sync: async () => undefined,
      truncate: async () => undefined,
      reserve: () => (full ? fails() : Promise.resolve()),
      replace: () => (full ? fails() : Promise.resolve()),
      close: async () => undefined,
    };
    const local = await LocalRunner.open({ directory, journalFile });
    const step = shellStep('a', `touch ${directory}/ran`);
    await local.runner.run(command(step));
    assert.equal((await local.outcome('a')).problem?.code, 'JOURNAL_FAILED');
    full = false;
    await local.runner.run(command(step));
    assert.deepEqual(
      local.reports.map(({ type, finished }) => [type, finished?.problem?.code]),
      [
        ['finished', 'JOURNAL_FAILED'],
        ['finished', 'JOURNAL_FAILED'],
      ],
    );
    await local.runner.run(command(step, { attempt: 2 }));
    assert.equal((await local.outcome('a', 2)).outcome, 'SUCCEEDED');
    assert.ok(existsSync(join(directory, 'ran')));
  }));

test('cancel ends the whole process group, also when it ignores TERM', () =>
  withAgentDirectory(async (directory) => {
    const pids = join(directory, 'pids');
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `trap '' TERM; (trap '' TERM; echo $$ >>${pids}; sleep 300) & echo $! >>${pids}; sleep 300`);
    await local.runner.run(command(step));
    await until(() => lines(pids) === 2);
    await local.runner.cancel({ step: 'a', attempt: 1 }, 1);
    const finished = await local.outcome('a');
    assert.deepEqual([finished.outcome, finished.problem?.code], ['CANCELLED', 'CANCELLED']);
    for (const pid of readFileSync(pids, 'utf8').trim().split('\n'))
      await until(() => processStartTime(Number(pid)) === undefined);
  }));

test('a process that ends on TERM keeps its exit code, and what it left in its group is killed', () =>
  withAgentDirectory(async (directory) => {
    const pids = join(directory, 'pids');
    const local = await LocalRunner.open({ directory, limits: { cancelGraceSeconds: 60 } });
    const step = shellStep('a', `(trap '' TERM; sleep 300) & echo $! >>${pids}; trap 'exit 9' TERM; while :; do sleep 0.1; done`);
    await local.runner.run(command(step));
    await until(() => lines(pids) === 1);
    await local.runner.cancel({ step: 'a', attempt: 1 }, 1);
    const finished = await local.outcome('a');
    assert.deepEqual([finished.outcome, finished.exitCode], ['CANCELLED', 9]);
    const pid = Number(readFileSync(pids, 'utf8'));
    await until(() => processStartTime(pid) === undefined);
  }));

test('a cancel that overtakes its command leaves nothing to run', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `touch ${directory}/ran`);
    await Promise.all([local.runner.cancel({ step: 'a', attempt: 1 }, 1), local.runner.run(command(step))]);
    await local.runner.run(command(step));
    assert.equal((await local.outcome('a')).outcome, 'CANCELLED');
    assert.ok(!existsSync(join(directory, 'ran')));
  }));

test('a step that waits for its turn is cancelled at once', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory, limits: { concurrentSteps: 1 } });
    await local.runner.run(command(shellStep('a', 'sleep 300')));
    await local.runner.run(command(shellStep('b', `touch ${directory}/ran`)));
    await local.runner.cancel({ step: 'b', attempt: 1 }, 1);
    assert.equal((await local.outcome('b')).outcome, 'CANCELLED');
    await local.runner.cancel({ step: 'a', attempt: 1 }, 1);
    assert.equal((await local.outcome('a')).outcome, 'CANCELLED');
    assert.ok(!existsSync(join(directory, 'ran')));
  }));

test('at most the configured number of steps runs at a time', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory, limits: { concurrentSteps: 2 } });
    const step = (id: string) =>
      shellStep(id, `touch ${directory}/live-${id}; ls ${directory} | grep -c live- ; sleep 0.2; rm ${directory}/live-${id}`);
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(ids.map((id) => local.runner.run(command(step(id)))));
    for (const id of ids) {
      assert.equal((await local.outcome(id)).outcome, 'SUCCEEDED');
      assert.ok(Number((await local.output(id)).toString()) <= 2);
    }
  }));

test('a step that takes too long fails with TIMEOUT and is ended', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', 'sleep 300', { timeoutSeconds: 0.3 })));
    const finished = await local.outcome('a');
    assert.deepEqual([finished.outcome, finished.problem?.code], ['FAILED', 'TIMEOUT']);
  }));

test('a step killed by somebody else: idempotent has failed, guarded and irreversible ask the probe', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    const suicide = 'kill -KILL 0';
    const probe = (script: string) => ({ argv: ['/bin/sh', '-c', script], env: {} });
    const cases = [
      [shellStep('a', suicide), 'FAILED', 'PROCESS_VANISHED'],
      [shellStep('b', suicide, { effect: 'guarded', probe: probe('exit 0') }), 'SUCCEEDED', undefined],
      [shellStep('c', suicide, { effect: 'guarded', probe: probe('exit 1') }), 'FAILED', 'PROCESS_VANISHED'],
      [shellStep('d', suicide, { effect: 'irreversible', probe: probe('exit 1') }), 'UNKNOWN', 'STEP_UNKNOWN'],
      [shellStep('e', suicide, { effect: 'irreversible' }), 'UNKNOWN', 'STEP_UNKNOWN'],
    ] as const;
    for (const [step, outcome, code] of cases) {
      await local.runner.run(command(step));
      const finished = await local.outcome(step.id);
      assert.deepEqual([step.id, finished.outcome, finished.problem?.code], [step.id, outcome, code]);
    }
  }));

test('after a reboot a lost step follows its effect', () =>
  withAgentDirectory(async (directory) => {
    const marks = (id: string) => join(directory, `marks-${id}`);
    const probe = { argv: ['/bin/sh', '-c', `exit $(cat ${directory}/answer)`], env: {} };
    writeFileSync(join(directory, 'answer'), '1\n');
    const step = (id: string, effect: 'idempotent' | 'guarded' | 'irreversible') =>
      shellStep(id, `echo ran >>${marks(id)}; test -e ${directory}/rebooted || sleep 300`, { effect, probe });
    const steps = [step('i', 'idempotent'), step('g', 'guarded'), step('x', 'irreversible')];
    const first = await LocalRunner.open({ directory, bootId: 'boot-1' });
    for (const one of steps) await first.runner.run(command(one));
    await until(() => steps.every(({ id }) => lines(marks(id)) === 1));
    first.runner.stop(); // it does not see the ends: the host goes down with it
    const pids = steps.map(({ id }) => first.journal.get(id, 1)?.started?.process?.pid ?? 0);
    for (const pid of pids) process.kill(-pid, 'SIGKILL');
    await until(() => pids.every((pid) => processStartTime(pid) === undefined));
    await first.journal.close();
    writeFileSync(join(directory, 'rebooted'), '');
    const second = await LocalRunner.open({ directory, bootId: 'boot-2' });
    assert.deepEqual(
      second.runner.states().map(({ state }) => state),
      ['lost', 'lost', 'lost'],
    );
    for (const one of steps) await second.runner.run(command(one, { attempt: 2 }));
    const outcomes = await Promise.all(steps.map(({ id }) => second.outcome(id, 2)));
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['SUCCEEDED', 'SUCCEEDED', 'UNKNOWN'],
    );
    assert.deepEqual(
      steps.map(({ id }) => lines(marks(id))),
      [2, 2, 1],
    );
    writeFileSync(join(directory, 'answer'), '0\n');
    await second.runner.run(command(steps[2] ?? step('x', 'irreversible'), { attempt: 3 }));
    assert.equal((await second.outcome('x', 3)).outcome, 'SUCCEEDED');
    assert.equal(lines(marks('x')), 1);
  }));

test('an attempt is reported until the server has it, then no more', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', 'true')));
    await local.outcome('a');
    assert.deepEqual(local.runner.states(), [{ step: 'a', attempt: 1, state: 'finished' }]);
    await local.runner.settle({ step: 'a', attempt: 1 });
    assert.deepEqual(local.runner.states(), []);
    await local.runner.run(command(shellStep('a', 'true')));
    assert.equal(local.reports.filter(({ type }) => type === 'finished').length, 2);
  }));

test('a cancel before the next attempt begins leaves the doubt about an irreversible step as it is', () =>
  withAgentDirectory(async (directory) => {
    const marks = join(directory, 'marks');
    const local = await LocalRunner.open({ directory });
    const step = shellStep('a', `echo ran >>${marks}; kill -9 0`, { effect: 'irreversible' });
    await local.runner.run(command(step));
    assert.equal((await local.outcome('a')).outcome, 'UNKNOWN');
    await local.runner.cancel({ step: 'a', attempt: 2 }, 1);
    assert.equal((await local.outcome('a', 2)).outcome, 'CANCELLED');
    await local.runner.run(command(step, { attempt: 3 }));
    assert.equal((await local.outcome('a', 3)).outcome, 'UNKNOWN');
    assert.equal(lines(marks), 1);
  }));
