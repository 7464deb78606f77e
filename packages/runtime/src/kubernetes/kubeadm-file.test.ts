import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { ClusterContext } from '../cluster-context.ts';
import { imageOf, sampleCluster, sampleImage, sampleMaterial, sampleNodes } from '../testing/sample-facts.ts';
import { initFile, joinFile, type KubeadmFile } from './kubeadm-file.ts';
import { serviceAddresses } from './service-addresses.ts';

type Json = Record<string, unknown>;

function contextOf(
  change: { image?: ClusterContext['image']; kubeadm?: ClusterContext['cluster']['kubeadm'] } = {},
): ClusterContext {
  const seen = sampleNodes(2, 1);
  const cluster = sampleCluster(seen, { kubeadm: change.kubeadm ?? {} });
  const nodes = cluster.hosts.map((host, index) => ({
    id: seen[index]!.id,
    name: seen[index]!.name,
    ip: host.ip,
    role: host.role,
    connected: true,
    spec: host,
  }));
  return { cluster, image: change.image ?? sampleImage, material: sampleMaterial('demo'), nodes, apiNode: nodes[0]! };
}

function documents(file: KubeadmFile): Record<string, Json> {
  assert.ok('template' in file.content);
  const values = parseAllDocuments(file.content.template).map((document) => (document as { toJS(): Json }).toJS());
  return Object.fromEntries(values.map((value) => [value.kind as string, value]));
}

const user = (kind: string, tree: Json) => ({ kubeadm: { [kind]: { apiVersion: 'kubeadm.k8s.io/v1beta3', ...tree } } });

test('kubeadm init gets names, addresses and versions computed by Seal, over what the image says', () => {
  const context = contextOf();
  assert.deepEqual(documents(initFile(context, context.nodes[0]!)), {
    InitConfiguration: {
      apiVersion: 'kubeadm.k8s.io/v1beta2',
      kind: 'InitConfiguration',
      nodeRegistration: {
        criSocket: '/run/containerd/containerd.sock',
        kubeletExtraArgs: { 'node-ip': '10.0.0.11' },
        name: 'm1',
      },
      bootstrapTokens: [
        {
          token: '%JOIN-TOKEN%',
          ttl: '24h0m0s',
          usages: ['signing', 'authentication'],
          groups: ['system:bootstrappers:kubeadm:default-node-token'],
        },
      ],
      localAPIEndpoint: { advertiseAddress: '10.0.0.11', bindPort: 6443 },
    },
    ClusterConfiguration: {
      apiVersion: 'kubeadm.k8s.io/v1beta2',
      kind: 'ClusterConfiguration',
      clusterName: 'demo',
      kubernetesVersion: 'v1.20.2',
      imageRepository: 'k8s.gcr.io',
      controlPlaneEndpoint: 'apiserver.cluster.local:6443',
      networking: { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local' },
      apiServer: { certSANs: ['image.example', 'apiserver.cluster.local', '127.0.0.1', 'localhost', '10.0.0.11', '10.0.0.12'] },
      dns: { type: 'CoreDNS', imageTag: '1.7.0' },
    },
    KubeletConfiguration: { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', cgroupDriver: 'systemd' },
  });
});

test('the join token is a reference in the plan, and a value only on the node', () => {
  const context = contextOf();
  for (const file of [initFile(context, context.nodes[0]!), joinFile(context, context.nodes[2]!)])
    assert.deepEqual('secrets' in file.content && file.content.secrets, { '%JOIN-TOKEN%': 'cluster/demo/join-token' });
});

test('a joining worker knows the cluster by the hash of its CA; a joining master also offers its own API', () => {
  const context = contextOf();
  const discovery = {
    bootstrapToken: {
      apiServerEndpoint: 'apiserver.cluster.local:6443',
      token: '%JOIN-TOKEN%',
      caCertHashes: [`sha256:${'ab'.repeat(32)}`],
    },
    tlsBootstrapToken: '%JOIN-TOKEN%',
  };
  const worker = documents(joinFile(context, context.nodes[2]!)).JoinConfiguration!;
  assert.deepEqual(worker.discovery, discovery);
  assert.ok(!('controlPlane' in worker));
  const master = documents(joinFile(context, context.nodes[1]!)).JoinConfiguration!;
  assert.deepEqual(master.discovery, discovery);
  assert.deepEqual(master.controlPlane, { localAPIEndpoint: { advertiseAddress: '10.0.0.12', bindPort: 6443 } });
});

const versions: readonly (readonly [version: string, api: string, socket: string, args: unknown])[] = [
  ['v1.20.2', 'v1beta2', '/run/containerd/containerd.sock', { 'node-ip': '10.0.0.11' }],
  ['v1.21.14', 'v1beta2', '/run/containerd/containerd.sock', { 'node-ip': '10.0.0.11' }],
  ['v1.22.0', 'v1beta3', '/run/containerd/containerd.sock', { 'node-ip': '10.0.0.11' }],
  ['v1.24.0', 'v1beta3', 'unix:///run/containerd/containerd.sock', { 'node-ip': '10.0.0.11' }],
  ['v1.30.9', 'v1beta3', 'unix:///run/containerd/containerd.sock', { 'node-ip': '10.0.0.11' }],
  ['v1.31.0', 'v1beta4', 'unix:///run/containerd/containerd.sock', [{ name: 'node-ip', value: '10.0.0.11' }]],
];
for (const [version, api, socket, args] of versions)
  test(`Kubernetes ${version} is configured in ${api}, with its form of socket and arguments`, () => {
    const context = contextOf({ image: imageOf(version) });
    const { InitConfiguration: init, ClusterConfiguration: cluster } = documents(initFile(context, context.nodes[0]!));
    assert.equal(init!.apiVersion, `kubeadm.k8s.io/${api}`);
    assert.deepEqual(init!.nodeRegistration, { criSocket: socket, kubeletExtraArgs: args, name: 'm1' });
    assert.deepEqual(cluster!.dns, api === 'v1beta2' ? { type: 'CoreDNS', imageTag: '1.7.0' } : { imageTag: '1.7.0' });
  });

test("a user's document wins over the computed one, and certSANs of all are united", () => {
  const networking = { serviceSubnet: '10.200.0.0/16' };
  const context = contextOf(
    user('ClusterConfiguration', { networking, clusterName: 'mine', apiServer: { certSANs: ['user.example', '10.0.0.11'] } }),
  );
  const cluster = documents(initFile(context, context.nodes[0]!)).ClusterConfiguration!;
  assert.equal(cluster.clusterName, 'mine');
  assert.deepEqual(cluster.networking, {
    podSubnet: '10.244.0.0/16',
    serviceSubnet: '10.200.0.0/16',
    dnsDomain: 'cluster.local',
  });
  assert.deepEqual((cluster.apiServer as Json).certSANs, [
    'image.example',
    'apiserver.cluster.local',
    '127.0.0.1',
    'localhost',
    '10.0.0.11',
    '10.0.0.12',
    'user.example',
  ]);
  assert.deepEqual(serviceAddresses(context), { api: '10.200.0.1', dns: '10.200.0.10' });
});

test('arguments that a user wrote for another version are merged with the computed ones, in the form of this version', () => {
  const list = [
    { name: 'v', value: '4' },
    { name: 'feature', value: 'a' },
    { name: 'feature', value: 'b' },
  ];
  const asked = user('InitConfiguration', { nodeRegistration: { kubeletExtraArgs: list } });
  const old = contextOf(asked);
  assert.deepEqual((documents(initFile(old, old.nodes[0]!)).InitConfiguration!.nodeRegistration as Json).kubeletExtraArgs, {
    'node-ip': '10.0.0.11',
    v: '4',
    feature: 'b',
  });
  const recent = contextOf({ ...asked, image: imageOf('v1.33.1') });
  assert.deepEqual((documents(initFile(recent, recent.nodes[0]!)).InitConfiguration!.nodeRegistration as Json).kubeletExtraArgs, [
    { name: 'node-ip', value: '10.0.0.11' },
    ...list,
  ]);
});

test('what belongs to one node cannot be overridden for all: name, address, token; nor does a worker become a master', () => {
  const context = contextOf({
    kubeadm: {
      JoinConfiguration: {
        controlPlane: { localAPIEndpoint: { advertiseAddress: '1.2.3.4' } },
        nodeRegistration: { name: 'evil' },
        discovery: { tlsBootstrapToken: 'x' },
      },
    },
  });
  const worker = documents(joinFile(context, context.nodes[2]!)).JoinConfiguration!;
  assert.ok(!('controlPlane' in worker));
  assert.equal((worker.nodeRegistration as Json).name, 'n1');
  assert.equal((worker.discovery as Json).tlsBootstrapToken, '%JOIN-TOKEN%');
});

test('phases that image or user skip become a flag, since documents of older versions cannot say it', () => {
  const files = { 'etc/kubeadm.yml': 'kind: InitConfiguration\nskipPhases: [addon/coredns]\n' };
  const context = contextOf({
    image: { ...sampleImage, files },
    ...user('InitConfiguration', { skipPhases: ['addon/kube-proxy'] }),
  });
  const file = initFile(context, context.nodes[0]!);
  assert.deepEqual(file.skipPhases, ['addon/coredns', 'addon/kube-proxy']);
  assert.ok(!('skipPhases' in documents(file).InitConfiguration!));
});

test('an image whose kubeadm.yml is no YAML is refused by name', () => {
  const context = contextOf({ image: { ...sampleImage, files: { 'etc/kubeadm.yml': 'a: [b' } } });
  assert.throws(() => initFile(context, context.nodes[0]!), {
    code: 'IMAGE_FILE_INVALID',
    message: /etc\/kubeadm\.yml of image kubernetes:1\.20\.2 is no YAML/,
  });
});
