import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { command, LocalRunner, shellStep, testStep, withAgentDirectory } from '../testing/local-runner.ts';
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
