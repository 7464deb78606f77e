import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '@seal/clusterfile';
import type { AppRecord } from '@seal/runtime';
import { installed, sampleCluster, sampleImage, sampleNodes } from '@seal/runtime/testing';
import { clusterDifference } from './cluster-difference.ts';

const two = sampleNodes(1, 2);
const record = installed(two).record!;
const desired = sampleCluster(two);
const difference = (change: Partial<Cluster>, recorded: typeof record | undefined = record) =>
  clusterDifference(
    { ...desired, ...change },
    { rootfs: sampleImage.digest, others: (change.images ?? []).map((name) => `sha256:${name}`) },
    recorded,
  );
const host = (ip: string) => ({ ip, role: 'worker' as const, env: {}, labels: { zone: 'b' }, taints: [] });

test('nothing to do where the cluster is as asked', () => {
  assert.deepEqual(difference({}), { next: undefined, differences: [] });
});

test('a cluster that is not there, or not yet, is made', () => {
  assert.equal(clusterDifference(desired, { rootfs: sampleImage.digest, others: [] }, undefined).next?.verb, 'run');
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
  assert.throws(() => clusterDifference(desired, { rootfs: 'sha256:9', others: [] }, record), {
    code: 'CHANGE_UNSUPPORTED',
    message: /image \(/,
  });
});

const shop: AppRecord = {
  ...{
    name: 'web',
    kind: 'app',
    image: 'docker.io/library/shop:1',
    imageDigest: 'sha256:shop:1',
    state: 'installed',
    sinceMs: 0,
  },
};

test('an image that is not there yet, or not wholly, is added after hosts and before others go', () => {
  const withShop = { ...record, apps: [shop], spec: { ...record.spec, images: ['shop:1'] } };
  const more = difference({ images: ['shop:1', 'helm:3'], hosts: desired.hosts.slice(0, 2) }, withShop);
  assert.deepEqual(more.next, { verb: 'install-apps', images: ['helm:3'] });
  assert.deepEqual(more.differences, ['+ image helm:3', '- worker 10.0.0.102 (n2)']);
  const begun = { ...withShop, apps: [{ ...shop, state: 'installing' as const }] };
  assert.deepEqual(difference({ images: ['shop:1'] }, begun).next, { verb: 'install-apps', images: ['shop:1'] });
});

test('what a Clusterfile says of apps may differ only together with an image that is added', () => {
  const apps = [{ name: 'web', env: {}, launch: [], uninstall: [] }];
  assert.throws(() => difference({ apps }), { code: 'CHANGE_UNSUPPORTED', message: /: apps$/ });
  assert.equal(difference({ apps, images: ['shop:1'] }).next?.verb, 'install-apps');
});

test('an image that is not named any more is refused while something of it is there', () => {
  const withShop = { ...record, apps: [shop], spec: { ...record.spec, images: ['shop:1'] } };
  assert.throws(() => difference({}, withShop), {
    code: 'CHANGE_UNSUPPORTED',
    message: /image shop:1 \("sealctl app uninstall"/,
  });
  assert.equal(difference({}, { ...withShop, apps: [] }).next, undefined);
});
