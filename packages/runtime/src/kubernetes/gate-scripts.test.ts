import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { daemonSetsScript, drainScript, etcdQuorumScript, labelWorkersScript } from './host-scripts.ts';

const folder = mkdtempSync(join(tmpdir(), 'seal-gates-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a script with `kubectl` in place of the real one (the body of a shell script); $CALLS gets what it was asked. */
function run(script: string, kubectl: string, env: Readonly<Record<string, string>>) {
  writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\necho "$*" >>${folder}/calls\n${kubectl}\n`);
  chmodSync(join(folder, 'kubectl'), 0o755);
  writeFileSync(join(folder, 'calls'), '');
  const found = spawnSync('/bin/sh', ['-c', `${script}`], { env: { PATH: `${folder}:/usr/bin:/bin`, ...env }, encoding: 'utf8' });
  const calls = spawnSync('cat', [join(folder, 'calls')], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
  return { ok: found.status === 0, output: found.stdout + found.stderr, calls };
}

/** etcd answers as healthy at these endpoints. */
const etcdAt = (...healthy: string[]) =>
  `case "$*" in ${healthy.map((one) => `*https://${one}:2379*`).join(' | ')}) echo '{"health":"true"}' ;; *) echo refused >&2; exit 1 ;; esac`;
const three = { ENDPOINTS: 'https://a:2379 https://b:2379 https://c:2379', NEEDED: '2' };

const quorums: readonly (readonly [healthy: string[], ok: boolean])[] = [
  [['a', 'b', 'c'], true],
  [['b', 'c'], true],
  [['a', 'c'], true],
  [['c'], false],
];
for (const [healthy, ok] of quorums)
  test(`with etcd healthy on ${healthy.join(', ')} of a, b, c there is ${ok ? 'a' : 'no'} quorum`, () => {
    const found = run(etcdQuorumScript, etcdAt(...healthy), three);
    assert.equal(found.ok, ok, found.output);
    if (!ok) assert.match(found.output, /etcd at https:\/\/a:2379 is not healthy/);
  });

const pods: readonly (readonly [title: string, pods: string[], ok: boolean])[] = [
  [
    'whose DaemonSets are ready',
    ['DaemonSet kube-proxy-x True', 'ReplicaSet coredns-y False', 'Node kube-apiserver-m1 True'],
    true,
  ],
  ['with a DaemonSet that is not ready', ['DaemonSet kube-proxy-x False', 'DaemonSet cni-z True'], false],
  ['with a DaemonSet whose pod has no state yet', ['DaemonSet kube-proxy-x '], false],
  ['without any pod', [], true],
];
for (const [title, lines, ok] of pods)
  test(`a node ${title} is ${ok ? 'let through' : 'waited for'}`, () => {
    const found = run(daemonSetsScript, lines.map((line) => `echo '${line}'`).join('\n'), { NODE_NAME: 'n1' });
    assert.equal(found.ok, ok, found.output);
    assert.match(found.calls[0] ?? '', /-n kube-system get pods --field-selector spec\.nodeName=n1 /);
    if (!ok) assert.match(found.output, /not ready on n1:\nDaemonSet kube-proxy-x/);
  });

test('a node is waited for while the API does not answer', () => {
  assert.equal(run(daemonSetsScript, 'exit 1', { NODE_NAME: 'n1' }).ok, false);
});

test('workers that the cluster has get their role; one that never joined does not stand in their way', () => {
  const kubectl = 'case "$*" in *get*) echo node/n1; echo node/n3 ;; esac';
  const found = run(labelWorkersScript, kubectl, { NODE_NAMES: 'n1 n2 n3' });
  assert.ok(found.ok, found.output);
  assert.match(found.calls[0] ?? '', /get node n1 n2 n3 --ignore-not-found -o name$/);
  assert.match(found.calls[1] ?? '', /label --overwrite node\/n1 node\/n3 node-role\.kubernetes\.io\/worker=$/);
  assert.equal(run(labelWorkersScript, '', { NODE_NAMES: 'n1' }).calls.length, 1);
});

const drained = { NODE_NAME: 'n1', DELETE_LOCAL: '--delete-emptydir-data', DRAIN_SECONDS: '300' };
const refusing = 'case "$*" in *get*) echo node/n1 ;; *drain*) echo "a budget forbids it" >&2; exit 7 ;; esac';

test('a node whose drain is refused takes pods again, and the removal stops with the exit code of the drain', () => {
  const found = run(drainScript, refusing, { ...drained, DRAIN_FLAGS: '' });
  assert.equal(found.ok, false);
  assert.match(found.output, /the node takes pods again/);
  assert.match(found.calls.at(-1) ?? '', /uncordon n1$/);
});

test('with --force the node stays cordoned, since it goes all the same', () => {
  const found = run(drainScript, refusing, { ...drained, DRAIN_FLAGS: '--force' });
  assert.equal(found.ok, false);
  assert.match(found.calls.at(-1) ?? '', /drain n1 .*--timeout 300s --force$/);
});
