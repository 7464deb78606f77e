import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterFacts, SeenNode } from '@seal/runtime';
import { sampleCluster, sampleFacts, sampleImage, sampleNode, sampleNodes } from '@seal/runtime/testing';
import { planRun } from './plan-run.ts';

const asked = sampleCluster(sampleNodes(1, 2));
const [m1, n1, n2] = sampleNodes(1, 2) as [SeenNode, SeenNode, SeenNode];

function refusal(nodes: readonly SeenNode[], code: string, message: RegExp, change: Partial<ClusterFacts> = {}): void {
  assert.throws(() => planRun({ planId: 'p', desired: asked, facts: sampleFacts(nodes, change) }), { code, message });
}

const changed: readonly (readonly [title: string, nodes: readonly SeenNode[], code: string, message: RegExp])[] = [
  ['hosts without agent, all of them', [m1], 'NODE_NOT_ENROLLED', /^no agent is enrolled for 10\.0\.0\.101, 10\.0\.0\.102$/],
  [
    'hosts whose agent is away, all of them',
    [m1, { ...n1, connected: false }, { ...n2, connected: false }],
    'NODE_NOT_CONNECTED',
    /n1 \(10\.0\.0\.101\), n2 \(10\.0\.0\.102\)/,
  ],
  [
    'a worker token for a master',
    [{ ...m1, usages: ['join-worker'] }, n1, n2],
    'NODE_ROLE_FORBIDDEN',
    /m1 \(10\.0\.0\.11\) is to be a master; its token allows join-worker/,
  ],
  [
    'a member of another cluster',
    [m1, { ...n1, cluster: 'other' }, n2],
    'NODE_IN_CLUSTER',
    /n1 \(10\.0\.0\.101\) is a member of cluster other/,
  ],
  [
    'leftovers of another cluster',
    [m1, sampleNode('n1', '10.0.0.101', { host: { rootfs: ['old'] } }), n2],
    'NODE_IN_CLUSTER',
    /still holds the rootfs of cluster old/,
  ],
  [
    'two hosts of one name',
    [m1, n1, { ...n2, name: 'n1' }],
    'NODE_NAME_DUPLICATE',
    /10\.0\.0\.101 and 10\.0\.0\.102 both have the name n1/,
  ],
  [
    'a name that Kubernetes refuses',
    [m1, n1, { ...n2, name: 'Node_2' }],
    'NODE_NAME_DUPLICATE',
    /"Node_2", which Kubernetes does not accept/,
  ],
  [
    'two addresses of one host',
    [m1, sampleNode('n1', '10.0.0.101', { host: { addresses: ['10.0.0.101', '10.0.0.102'] } })],
    'HOSTS_INVALID',
    /10\.0\.0\.101 and 10\.0\.0\.102 are addresses of the same host, n1/,
  ],
  [
    'another architecture',
    [m1, n1, sampleNode('n2', '10.0.0.102', { host: { arch: 'arm64' } })],
    'IMAGE_ARCH_MISMATCH',
    /image kubernetes:1\.20\.2 is for amd64, n2 \(10\.0\.0\.102\) is arm64/,
  ],
  [
    'ports of a master in use',
    [sampleNode('m1', '10.0.0.11', { host: { listeningPorts: [22, 2379, 6443] } }), n1, n2],
    'PORT_TAKEN',
    /ports 6443, 2379 are in use on m1 \(10\.0\.0\.11\), and a master needs them/,
  ],
  [
    'the port of a worker in use',
    [m1, sampleNode('n1', '10.0.0.101', { host: { listeningPorts: [10250] } }), n2],
    'PORT_TAKEN',
    /port 10250 is in use on n1/,
  ],
  [
    'a clock that is off',
    [m1, { ...n1, clockSkewSeconds: -94 }, n2],
    'NODE_CLOCK_SKEW',
    /the clock of n1 \(10\.0\.0\.101\) is 94 s ahead of the server's \(limit 30 s\)/,
  ],
  [
    'swap',
    [m1, sampleNode('n1', '10.0.0.101', { host: { swapBytes: 2 ** 30 } }), n2],
    'SWAP_ON',
    /n1 \(10\.0\.0\.101\) has 1024 MiB of swap/,
  ],
  [
    'a master with one processor',
    [sampleNode('m1', '10.0.0.11', { host: { cpus: 1 } }), n1, n2],
    'HOST_TOO_SMALL',
    /m1 \(10\.0\.0\.11\) has 1 processor, and a master needs 2/,
  ],
  [
    'a full disk',
    [m1, sampleNode('n1', '10.0.0.101', { host: { diskFreeBytes: 1600 * 2 ** 20 } }), n2],
    'DISK_LOW',
    /has 1600 MiB of disk free, and image kubernetes:1\.20\.2 needs 1624 MiB/,
  ],
];
for (const [title, nodes, code, message] of changed)
  test(`before anything is planned, refuses ${title}`, () => refusal(nodes, code, message));

test('on a host of another cluster nothing is said of the ports that this cluster has taken', () => {
  const taken = { ...sampleNode('n1', '10.0.0.101', { host: { listeningPorts: [10250] } }), cluster: 'other' };
  refusal([m1, taken, n2], 'NODE_IN_CLUSTER', /n1 \(10\.0\.0\.101\) is a member of cluster other/);
});

test('what only a master needs is not asked of a worker', () => {
  const nodes = [m1, sampleNode('n1', '10.0.0.101', { host: { cpus: 1, listeningPorts: [6443, 2379] } }), n2];
  assert.equal(planRun({ planId: 'p', desired: asked, facts: sampleFacts(nodes) }).nodes.length, 3);
});

test('an image without its scripts is refused, each script named', () => {
  const image = { ...sampleImage, paths: ['scripts/containerd.sh'] };
  refusal([m1, n1, n2], 'SCRIPT_MISSING', /image kubernetes:1\.20\.2 has no scripts\/init-kube\.sh/, { image });
});

test('a host without agent gets the line that installs one', () => {
  assert.throws(
    () => planRun({ planId: 'p', desired: asked, facts: sampleFacts([m1, n1]) }),
    (error: { remedy: string }) => {
      assert.match(error.remedy, /^Run this on 10\.0\.0\.102 as root.*\n {2}curl -fsSLk https:\/\/10\.0\.0\.1:7444\/install\.sh/);
      return true;
    },
  );
});

test('several findings come together, each with its own code, message and remedy', () => {
  const nodes = [{ ...m1, connected: false }, sampleNode('n1', '10.0.0.101', { host: { swapBytes: 1e9, arch: 'arm64' } })];
  assert.throws(
    () => planRun({ planId: 'p', desired: asked, facts: sampleFacts(nodes) }),
    (error: { code: string; message: string; details: { findings: { code: string }[] } }) => {
      assert.equal(error.code, 'PREFLIGHT_FAILED');
      assert.deepEqual(
        error.details.findings.map((finding) => finding.code),
        ['NODE_NOT_ENROLLED', 'NODE_NOT_CONNECTED', 'IMAGE_ARCH_MISMATCH', 'SWAP_ON'],
      );
      assert.match(error.message, /^4 things stand in the way; nothing was changed:\n {2}NODE_NOT_ENROLLED: no agent/);
      return true;
    },
  );
});

test('the container runtime that a user insists on must be that of the image', () => {
  assert.throws(
    () => planRun({ planId: 'p', desired: { ...asked, containerRuntime: 'docker' }, facts: sampleFacts([m1, n1, n2]) }),
    {
      code: 'RUNTIME_UNSUPPORTED',
      message: 'the Clusterfile asks for docker, and image kubernetes:1.20.2 brings containerd',
    },
  );
});
