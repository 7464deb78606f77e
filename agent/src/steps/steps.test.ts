import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Problem, systemClock } from '@seal/foundation';
import { command, LocalRunner, testStep, withAgentDirectory } from '../testing/local-runner.ts';
import { testContext } from '../testing/step-context.ts';
import { checkRemovable } from './check-removable.ts';
import { hostAliases } from './host-aliases.ts';
import { removePaths } from './remove-paths.ts';
import { resolveContent } from './resolve-content.ts';
import type { StepHandler } from './step-handler.ts';
import { waitFor } from './wait-for.ts';
import { writeFiles } from './write-files.ts';

const failsWith = (code: string) => (problem: Problem) => problem.code === code;

function perform<A>(handler: StepHandler<A>, args: A, context = testContext()): Promise<string> {
  assert.ok(handler.place === 'agent');
  return handler.perform(args, context);
}

test('write-files writes text, base64, secrets and templates with their modes and makes the directories', () =>
  withAgentDirectory(async (directory) => {
    const path = (name: string) => join(directory, 'new/dir', name);
    const template = { template: 'a=%A%\nb=%B%%A%\n', secrets: { '%A%': 'one', '%B%': 'two' } };
    const files = [
      { path: path('text'), mode: '0644', content: { text: 'héllo\n' } },
      { path: path('bytes'), mode: '0755', content: { base64: '//4A' } },
      { path: path('secret'), mode: '0600', content: { secret: 'one' } },
      { path: path('template'), mode: '0640', content: template },
    ];
    const context = testContext({ one: '%B%', two: 'x$&y' });
    await perform(writeFiles, { files }, context);
    assert.equal(await readFile(path('text'), 'utf8'), 'héllo\n');
    assert.deepEqual([...(await readFile(path('bytes')))], [255, 254, 0]);
    assert.equal(await readFile(path('secret'), 'utf8'), '%B%');
    assert.equal(await readFile(path('template'), 'utf8'), 'a=%B%\nb=x$&y%B%\n');
    const modes = await Promise.all(files.map(async (file) => ((await stat(file.path)).mode & 0o777).toString(8)));
    assert.deepEqual(modes, ['644', '755', '600', '640']);
    assert.deepEqual((await readdir(join(directory, 'new/dir'))).sort(), ['bytes', 'secret', 'template', 'text']);
    assert.ok(!context.lines.join('\n').includes('x$&y'), 'a secret was printed');
  }));

test('write-files writes nothing when a secret is missing, and leaves nothing beside a place that cannot be written', () =>
  withAgentDirectory(async (directory) => {
    const missing = { path: join(directory, 'b'), mode: '0600', content: { secret: 'none' } };
    const first = { path: join(directory, 'a'), mode: '0600', content: { text: 'x' } };
    await assert.rejects(perform(writeFiles, { files: [first, missing] }), failsWith('SECRET_MISSING'));
    assert.deepEqual(await readdir(directory), []);
    await mkdir(join(directory, 'a'));
    await assert.rejects(perform(writeFiles, { files: [first] }), failsWith('FILE_WRITE_FAILED'));
    assert.deepEqual(await readdir(directory), ['a']);
  }));

test('a longer key of a template is not taken for a shorter one', () => {
  const content = { template: '%T% %T%2', secrets: { '%T%': 'a', '%T%2': 'b' } };
  const secrets = new Map([
    ['a', Buffer.from('1')],
    ['b', Buffer.from('2')],
  ]);
  assert.equal(Buffer.from(resolveContent(content, secrets)).toString(), '1 2');
});

test('host-aliases of two clusters at the same time keep both blocks, the mode and bytes that are no UTF-8', () =>
  withAgentDirectory(async (directory) => {
    const path = join(directory, 'hosts');
    await writeFile(path, Buffer.from([0x31, 0xff, 0x0a]));
    await chmod(path, 0o640);
    const handler = hostAliases(path);
    const entry = (ip: string) => ({ ip, names: ['x'] });
    await Promise.all(['a', 'b'].map((block) => perform(handler, { block, entries: [entry('10.0.0.1')] })));
    const written = await readFile(path, 'latin1');
    assert.ok(written.startsWith('1\xff\n') && written.includes('BEGIN seal a') && written.includes('BEGIN seal b'));
    await Promise.all(['a', 'b'].map((block) => perform(handler, { block, entries: [] })));
    assert.deepEqual([...(await readFile(path))], [0x31, 0xff, 0x0a]);
    assert.equal((await stat(path)).mode & 0o777, 0o640);
  }));

test('remove-paths removes files, directories and links themselves; what is missing is fine', () =>
  withAgentDirectory(async (directory) => {
    const path = (name: string) => join(directory, name);
    await mkdir(path('tree/deep'), { recursive: true });
    await mkdir(path('kept'));
    await writeFile(path('kept/file'), '');
    await symlink(path('kept'), path('link'));
    await perform(removePaths([]), { paths: [path('tree'), path('link'), path('none'), path('no/parent')] });
    assert.deepEqual(await readdir(directory), ['kept']);
    assert.deepEqual(await readdir(path('kept')), ['file']);
  }));

test('remove-paths checks all paths before it removes the first, and sees through links in parents', () =>
  withAgentDirectory(async (directory) => {
    const own = join(directory, 'own');
    await mkdir(join(own, 'journal'), { recursive: true });
    await writeFile(join(directory, 'file'), '');
    await symlink(own, join(directory, 'alias'));
    const paths = [join(directory, 'file'), join(directory, 'alias/journal')];
    await assert.rejects(perform(removePaths([own]), { paths }), failsWith('PATH_PROTECTED'));
    assert.deepEqual((await readdir(directory)).sort(), ['alias', 'file', 'own']);
  }));

test('paths whose removal would hurt the host are refused', () => {
  const surroundings = {
    mountPoints: ['/', '/mnt/data', '/var/lib/kubelet/pods/x/volumes/y'],
    ownDirectories: ['/var/lib/seal/agent'],
  };
  const refused = [
    '/',
    '/etc',
    '/usr',
    '/nonexistent',
    '/usr/bin',
    '/var/lib',
    '/etc/systemd/system',
    '/etc/passwd',
    '/proc/1',
    '/dev/sda1',
    '/mnt/data',
    '/var/lib/kubelet',
    '/var/lib/kubelet/pods',
    '/var/lib/seal',
    '/var/lib/seal/agent',
    '/var/lib/seal/agent/journal',
    '/var/lib/../lib',
    'relative',
    '/var/lib/etcd/',
  ];
  for (const path of refused) assert.throws(() => checkRemovable(path, surroundings), failsWith('PATH_PROTECTED'), path);
  const allowed = ['/etc/kubernetes', '/var/lib/etcd', '/etc/cni', '/usr/bin/kubeadm', '/mnt/data/x', '/var/lib/seal/data/demo'];
  for (const path of allowed) checkRemovable(path, surroundings);
});

test('run-script runs in scripts/, names image place, script and node when it is missing, and skips an optional one', () =>
  withAgentDirectory(async (directory) => {
    const rootfs = join(directory, 'rootfs');
    await mkdir(join(rootfs, 'scripts'), { recursive: true });
    await writeFile(join(rootfs, 'scripts/plain.sh'), 'pwd; echo "$1 $NAME"\n');
    await writeFile(join(rootfs, 'scripts/python.sh'), '#!/bin/cat\n', { mode: 0o755 });
    const local = await LocalRunner.open({ directory });
    const run = async (id: string, script: string, optional = false) => {
      const args = { rootfs, script, args: ['a b'], env: { NAME: 'x' }, optional };
      await local.runner.run(command(testStep(id, 'run-script', args)));
      return local.outcome(id);
    };
    assert.equal((await run('a', 'plain.sh')).outcome, 'SUCCEEDED');
    assert.equal((await local.output('a')).toString(), `${rootfs}/scripts\na b x\n`);
    assert.equal((await run('b', 'python.sh')).exitCode, 1); // its own interpreter was used: there is no file "a b"
    const missing = await run('c', 'init.sh');
    assert.deepEqual([missing.outcome, missing.problem?.code], ['FAILED', 'SCRIPT_MISSING']);
    for (const name of ['scripts/init.sh', rootfs, hostname()]) assert.ok(missing.problem?.message.includes(name), name);
    assert.equal((await run('d', 'init.sh', true)).outcome, 'SKIPPED');
    assert.equal((await run('e', '../../etc/passwd')).problem?.code, 'STEP_INVALID');
  }));

test('wait-for ends when the probe exits 0 and says what is expected, and tells each new answer once', () =>
  withAgentDirectory(async (directory) => {
    const count = join(directory, 'count');
    const script = `echo x >>${count}; n=$(wc -l <${count}); test $n -ge 3 || { echo not ready; exit 4; }; test $n -ge 5 && echo all Ready || echo NotReady`;
    const context = testContext();
    const args = { what: 'node n1 Ready', argv: ['/bin/sh', '-c', script], env: {}, intervalSeconds: 0.01, expect: ' Ready' };
    await perform(waitFor(systemClock), args, context);
    assert.equal((await readFile(count, 'utf8')).length, 10);
    const told = [
      'waiting for node n1 Ready',
      'not yet (exit code 4): not ready',
      'not yet (exit code 0): NotReady',
      'node n1 Ready: yes',
    ];
    assert.deepEqual(context.lines, told);
  }));

test('wait-for ends with its step, and a hanging probe with it', () =>
  withAgentDirectory(async (directory) => {
    const local = await LocalRunner.open({ directory });
    const args = { what: 'never', argv: ['sleep', '300'], env: {}, intervalSeconds: 1 };
    await local.runner.run(command(testStep('a', 'wait-for', args, { timeoutSeconds: 0.2 })));
    assert.equal((await local.outcome('a')).problem?.code, 'TIMEOUT');
    await local.runner.run(command(testStep('b', 'wait-for', args)));
    await local.wait(({ type, key }) => type === 'started' && key.step === 'b');
    await local.runner.cancel({ step: 'b', attempt: 1 }, 1);
    assert.equal((await local.outcome('b')).outcome, 'CANCELLED');
  }));
