import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { ServerDouble } from '@seal/protocol/server-double';
import { type CapturedOptions, capturedRun } from './captured-run.ts';

const root = await mkdtemp(join(tmpdir(), 'sealctl-usage-'));
after(() => rm(root, { recursive: true }));
const double = await ServerDouble.start();
after(() => double[Symbol.asyncDispose]());
double.answers.getCluster = () => {
  throw new Problem('CLUSTER_NOT_FOUND', 'no cluster "x"');
};
const run = (line: string, options: CapturedOptions = {}) =>
  capturedRun([...line.split(' '), '--server', `unix:${double.socket}`], { home: root, ...options });

for (const [line, pattern] of [
  ['imags', /^USAGE: unknown command 'imags'\nDid you mean images\? See "sealctl --help"\.\n$/],
  ['status --fooo', /^USAGE: unknown option '--fooo'\nSee "sealctl status --help"\.\n$/],
  ['nodes -o xml', /^USAGE: .*Allowed choices are table, json, yaml\.\n/],
  ['token create --ttl soon', /^USAGE: .*Expected a length of time/],
  ['token create --label x', /^USAGE: --label "x": expected NAME=VALUE/],
  ['operation shw x', /^USAGE: unknown command 'shw'\nDid you mean show\? See "sealctl operation --help"\.\n$/],
  ['kubeconfig a b', /^USAGE: too many arguments/],
  ['delete', /^USAGE: nothing is named/],
  ['delete demo -a', /^USAGE: delete takes no argument\nThe cluster goes behind --cluster/],
  ['delete -a -n 10.0.0.1', /^USAGE: -a removes the whole cluster/],
  ['exec n1', /^USAGE: there is no command to run/],
  ['help nonsense', /^USAGE: there is no command "nonsense"/],
] as const)
  test(`wrong use is USAGE with exit code 2: sealctl ${line}`, async () => {
    const { code, stdout, stderr } = await run(line);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, pattern);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });

test('wrong use with -o json is JSON too', async () => {
  const { stderr } = await run('nodes -o json --nope');
  assert.equal(JSON.parse(stderr).problem.code, 'USAGE');
});

test('addresses that are wrong are HOSTS_INVALID with exit code 3', async () => {
  for (const line of ['scale-up -n 10.0.0.300', 'scale-up -m 10.0.0.1 -n 10.0.0.1', 'delete -n 10.0.0.9-10.0.0.1']) {
    const { code, stderr } = await run(line);
    assert.equal(code, 3, line);
    assert.match(stderr, /^HOSTS_INVALID: /);
  }
});

test('without any server in sight, what to do is said', async () => {
  const { code, stderr } = await capturedRun(['status', '--context', 'none'], { home: root });
  assert.equal(code, 4);
  assert.match(stderr, /^CONTEXT_NOT_FOUND: there is no context "none"\n/);
});

test('a stack is shown only with SEAL_DEBUG=1', async () => {
  assert.doesNotMatch((await run('status x')).stderr, /\n {4}at /);
  assert.match((await run('status x', { env: { SEAL_DEBUG: '1' } })).stderr, /\n {4}at /);
});

test('every command has a description and examples', async () => {
  const verbs =
    'build images inspect rmi tag save load pull push logout run scale-up delete status kubeconfig nodes exec login version help completion';
  const subs =
    'app list,app uninstall,plan uninstall,plan run,plan scale-up,plan delete,nodes remove,token create,token list,token revoke,operation list,operation show,operation watch,operation logs,operation cancel,operation resume,context list,context use,context remove,registry login,registry logout';
  for (const line of [...verbs.split(' '), ...subs.split(',')]) {
    const { code, stdout } = await capturedRun([...line.split(' '), '--help']);
    assert.equal(code, 0, line);
    assert.match(stdout, /\nExamples:\n {2}sealctl/, line);
  }
});
