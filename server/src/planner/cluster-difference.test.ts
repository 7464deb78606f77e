import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '@seal/clusterfile';
import { installed, sampleCluster, sampleImage, sampleNodes } from '@seal/runtime/testing';
import { clusterDifference } from './cluster-difference.ts';

const two = sampleNodes(1, 2);
const record = installed(two).record!;
const desired = sampleCluster(two);
const difference = (change: Partial<Cluster>, recorded: typeof record | undefined = record) =>
  clusterDifference({ ...desired, ...change }, sampleImage.digest, recorded);
const host = (ip: string) => ({ ip, role: 'worker' as const, env: {}, labels: { zone: 'b' }, taints: [] });

test('nothing to do where the cluster is as asked', () => {
  assert.deepEqual(difference({}), { next: undefined, differences: [] });
});

test('a cluster that is not there, or not yet, is made', () => {
  assert.equal(clusterDifference(desired, sampleImage.digest, undefined).next?.verb, 'run');
  assert.equal(difference({}, { ...record, state: 'installing' }).next?.verb, 'run');
});

test('hosts are added before others are removed; each difference is one line', () => {
  const [m1, n1] = desired.hosts;
  const both = difference({ hosts: [m1!, n1!, host('10.0.0.200')] });
  assert.deepEqual(both.next, { verb: 'scale-up', hosts: [host('10.0.0.200')] });
  assert.deepEqual(both.differences, ['+ worker 10.0.0.200', '- worker 10.0.0.102 (n2)']);
  assert.deepEqual(difference({ hosts: [m1!, n1!] }).next, { verb: 'delete-nodes', ips: ['10.0.0.102'] });
});

test('a member that only began to join is joined again', () => {
  const members = record.members.map((member) => (member.name === 'n2' ? { ...member, state: 'joining' as const } : member));
  assert.equal(difference({}, { ...record, members }).next?.verb, 'scale-up');
});

test('a cluster that is being deleted is left alone', () => {
  assert.throws(() => difference({}, { ...record, state: 'deleting' }), { code: 'OPERATION_STATE' });
});

const [m1, n1, n2] = desired.hosts;
const unsupported: readonly (readonly [what: string, change: Partial<Cluster>, message: RegExp])[] = [
  ['the environment', { env: { A: 'b' } }, /: env$/],
  ['the data root', { dataRoot: '/data' }, /: dataRoot$/],
  ['the container runtime', { containerRuntime: 'docker' }, /: containerRuntime$/],
  ['kubeadm documents', { kubeadm: { ClusterConfiguration: { a: 1 } } }, /: kubeadm$/],
  ['the role of a member', { hosts: [m1!, n1!, { ...n2!, role: 'master' }] }, /role of 10\.0\.0\.102 \(worker → master\)/],
  ['the labels of a member', { hosts: [m1!, n1!, { ...n2!, labels: { a: 'b' } }] }, /labels of 10\.0\.0\.102/],
];
for (const [what, change, message] of unsupported)
  test(`a change of ${what} of a cluster that exists is refused by name`, () => {
    assert.throws(() => difference(change), { code: 'CHANGE_UNSUPPORTED', message });
  });

test('another image is refused', () => {
  assert.throws(() => clusterDifference(desired, 'sha256:9', record), { code: 'CHANGE_UNSUPPORTED', message: /image \(/ });
});
