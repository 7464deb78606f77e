import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@seal/foundation';
import { FileSpool } from '../runner/file-spool.ts';
import { command, LocalRunner, shellStep, testStep, withAgentDirectory } from '../testing/local-runner.ts';
import { linuxProcesses } from './linux-process.ts';
import { processStartTime } from './proc-stat.ts';

test('a daemon that keeps the output open does not keep its step from finishing', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', `setsid sleep 300 & echo $! >${directory}/pid; echo begun`)));
    const finished = await local.outcome('a');
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    assert.equal(finished.outcome, 'SUCCEEDED');
    assert.notEqual(processStartTime(pid), undefined);
    process.kill(pid, 'SIGKILL');
  }));

test('a line of 1 MiB and bytes that are no UTF-8 arrive as they were written', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(shellStep('a', `head -c 1048576 /dev/zero | tr '\\0' x; printf '\\377\\376\\200\\000\\n'`)));
    await local.outcome('a');
    const output = await local.output('a');
    assert.equal(output.length, 1048576 + 5);
    assert.deepEqual([...output.subarray(1048574)], [120, 120, 255, 254, 128, 0, 10]);
  }));

test('stdin is given and closed, its secret is in no file of the agent', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    const args = { argv: ['sha256sum'], env: {}, stdin: { template: 'token=%T%\n', secrets: { '%T%': 'join' } } };
    await local.runner.run(command(testStep('a', 'run-command', args), { secrets: { join: 'very-secret-value' } }));
    await local.outcome('a');
    const digest = createHash('sha256').update('token=very-secret-value\n').digest('hex');
    assert.equal((await local.output('a')).toString(), `${digest}  -\n`);
    for (const name of readdirSync(directory, { recursive: true, withFileTypes: true }))
      if (name.isFile()) assert.ok(!readFileSync(join(name.parentPath, name.name)).includes('very-secret-value'), name.name);
  }));

test('the environment is the map that was given, with PATH, HOME, PWD and the attempt', () =>
  withAgentDirectory(async (directory) => {
    process.env.SEAL_TEST_LEAK = 'leaked';
    const local = await LocalRunner.open({ directory });
    await local.runner.run(
      command(testStep('a', 'run-command', { argv: ['env'], env: { A: 'one two', B: '$A `x`' }, cwd: '/usr' })),
    );
    await local.outcome('a');
    delete process.env.SEAL_TEST_LEAK;
    const names = (await local.output('a')).toString().trim().split('\n').sort();
    assert.deepEqual(
      names.filter((line) => !/^(PATH|HOME)=/.test(line)),
      ['A=one two', 'B=$A `x`', 'PWD=/usr', 'SEAL_ATTEMPT=1'],
    );
  }));

test('a program that does not exist, or a shell builtin as program, fails with the reason', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    await local.runner.run(command(testStep('a', 'run-command', { argv: ['no-such-program'], env: {} })));
    assert.equal((await local.outcome('a')).problem?.code, 'COMMAND_NOT_FOUND');
    await local.runner.run(command(testStep('b', 'run-command', { argv: ['exit', '0'], env: {} })));
    assert.equal((await local.outcome('b')).problem?.code, 'COMMAND_NOT_FOUND');
  }));

/** The process of a shell script, begun; what a later agent finds of it in this boot, or in the next one. */
async function begun(directory: string, script: string) {
  const key = { step: 'a', attempt: 1 };
  await new FileSpool(join(directory, 'spool')).create(key);
  const processes = linuxProcesses({ spoolRoot: join(directory, 'spool'), runDirectory: join(directory, 'run') });
  const process = await processes.prepare(key, { argv: ['/bin/sh', '-c', `echo begun >${directory}/begun; ${script}`], env: {} });
  process.release();
  while (!existsSync(join(directory, 'begun'))) await delay(10);
  const found = async (bootId: string) => {
    const result = await processes.find(key, { ...process.identity, bootId });
    return 'end' in result ? result.end : undefined;
  };
  return { process, inThisBoot: () => found(process.identity.bootId), inTheNextBoot: () => found('the boot before') };
}

test('a command that the end of a shutdown has terminated is interrupted for the next boot; within a boot it just failed', () =>
  withAgentDirectory(async (directory) => {
    const { process: step, inThisBoot, inTheNextBoot } = await begun(directory, 'sleep 300 & wait');
    step.signal('SIGTERM');
    const end = await step.ended;
    assert.deepEqual([end.type, 'exitCode' in end && end.exitCode], ['exited', 143]);
    assert.deepEqual(await inThisBoot(), end);
    assert.deepEqual(await inTheNextBoot(), { type: 'interrupted' });
  }));

test('a command that failed by itself before the host went down has failed for the next boot too', () =>
  withAgentDirectory(async (directory) => {
    const { process: step, inTheNextBoot } = await begun(directory, 'exit 7');
    const end = await step.ended;
    assert.deepEqual([end.type, 'exitCode' in end && end.exitCode], ['exited', 7]);
    assert.deepEqual(await inTheNextBoot(), end);
  }));

test('a command that succeeded although it was told to end has succeeded', () =>
  withAgentDirectory(async (directory) => {
    const { process: step, inTheNextBoot } = await begun(directory, 'trap "exit 0" TERM; sleep 300 & wait');
    step.signal('SIGTERM');
    assert.equal((await step.ended).type, 'exited');
    assert.equal((await inTheNextBoot())?.type, 'exited');
  }));

test('a step that fails while the host is shutting down has no outcome, and is lost for the agent after the boot', () =>
  withAgentDirectory(async (directory) => {
    const bin = join(directory, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'systemctl'), '#!/bin/sh\necho stopping\nexit 1\n', { mode: 0o755 });
    const first = await LocalRunner.open({ directory });
    const args = { argv: ['/bin/sh', '-c', 'exit 1'], env: { PATH: `${bin}:/usr/bin:/bin` } };
    await first.runner.run(command(testStep('a', 'run-command', args)));
    const spool = join(directory, 'spool', 'a.1');
    const ended = () =>
      existsSync(spool) && readdirSync(spool).some((name) => /^exit \d/.test(readFileSync(join(spool, name), 'latin1')));
    while (!ended()) await delay(10);
    await delay(300); // longer than the agent takes to see the end of its child
    assert.deepEqual(first.runner.states(), [{ step: 'a', attempt: 1, state: 'running' }]);
    assert.deepEqual(first.runner.unacknowledged(), []);
    await LocalRunner.closeAll(directory);
    const second = await LocalRunner.open({ directory });
    assert.deepEqual(second.runner.states(), [{ step: 'a', attempt: 1, state: 'lost' }]);
  }));

test('a process that is found again is as old as the kernel says, although the clock was set meanwhile', () =>
  withAgentDirectory(async (directory) => {
    const first = await LocalRunner.open({ directory });
    const step = shellStep('a', `while [ ! -e ${directory}/go ]; do sleep 0.05; done`, { timeoutSeconds: 60 });
    await first.runner.run(command(step));
    await first.wait(({ type }) => type === 'started');
    await LocalRunner.closeAll(directory);
    const aDayLater = { ...systemClock, now: () => systemClock.now() + 25 * 3_600_000 };
    const second = await LocalRunner.open({ directory, clock: aDayLater });
    writeFileSync(join(directory, 'go'), '');
    const { outcome, problem, durationMs } = await second.outcome('a');
    assert.deepEqual([outcome, problem], ['SUCCEEDED', undefined]);
    assert.ok(durationMs < 3_600_000, `${durationMs} ms`);
  }));

test('a step whose exit code would have no place on a full disk is refused, and no process of it is left', () =>
  withAgentDirectory(async (directory) => {
    const key = { step: 'a', attempt: 1 };
    const spool = new FileSpool(join(directory, 'spool'));
    const processes = linuxProcesses({ spoolRoot: join(directory, 'spool'), runDirectory: join(directory, 'run') });
    mkdirSync(join(directory, 'spool'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64K', 'seal-process-test', join(directory, 'spool')]);
    try {
      await spool.create(key);
      assert.throws(() => writeFileSync(join(directory, 'spool', 'ballast'), Buffer.alloc(1024 * 1024)), { code: 'ENOSPC' });
      const marked = { argv: ['sleep', '87.125'], env: {} };
      await assert.rejects(processes.prepare(key, marked), { code: 'PROCESS_FAILED' });
      while (execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes('sleep 87.125')) await delay(20);
    } finally {
      execFileSync('umount', ['--lazy', join(directory, 'spool')]);
    }
  }));

test('an end that cannot be read for a moment is read when it can be, and a process that runs has not ended over it', () =>
  withAgentDirectory(async (directory) => {
    const spoolRoot = join(directory, 'spool');
    const key = { step: 'a', attempt: 1 };
    await new FileSpool(spoolRoot).create(key);
    const processes = linuxProcesses({ spoolRoot, runDirectory: join(directory, 'run') });
    const script = `while [ ! -e ${directory}/go ]; do sleep 0.05; done; exit 7`;
    const own = await processes.prepare(key, { argv: ['/bin/sh', '-c', script], env: {} });
    const endFile = join(spoolRoot, 'a.1', `exit.${own.identity.pid}`);
    const found = await processes.find(key, own.identity);
    own.release();
    assert.ok('running' in found);
    // A name that nobody can open.
    rmSync(endFile);
    symlinkSync(endFile, endFile);
    await delay(300);
    writeFileSync(join(directory, 'go'), '');
    const ends = Promise.all([own.ended, found.running.ended]);
    const early = await Promise.race([ends, delay(300)]);
    writeFileSync(`${endFile}.written`, 'exit 7 end');
    renameSync(`${endFile}.written`, endFile);
    const types = (await ends).map((end) => (end.type === 'exited' ? end.exitCode : end.type));
    assert.equal(early, undefined);
    assert.deepEqual(types, [7, 7]);
  }));
