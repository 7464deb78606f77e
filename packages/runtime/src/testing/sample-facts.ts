import type { Cluster } from '@seal/clusterfile';
import { clusterFromFlags } from '@seal/clusterfile';
import type { NodeFacts } from '@seal/plan';
import type { ClusterFacts, ClusterRecord, ImageFacts, MemberRecord, PublicMaterial, SeenNode } from '../cluster-facts.ts';
import { requiredMaterial } from '../kubernetes/material.ts';

/** Facts for tests of planners and runtimes: small, complete and without anything wrong in them. */
export const sampleImage: ImageFacts = {
  reference: 'kubernetes:1.20.2',
  digest: `sha256:${'1'.repeat(64)}`,
  arch: 'amd64',
  layers: [
    {
      digest: `sha256:${'2'.repeat(64)}`,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      sizeBytes: 300 * 1024 * 1024,
    },
  ],
  labels: {
    'cluster.alpha.sealer.io/cluster-runtime-type': 'kubernetes',
    'cluster.alpha.sealer.io/cluster-runtime-version': 'v1.20.2',
    'cluster.alpha.sealer.io/container-runtime-type': 'containerd',
  },
  env: { FromImage: 'image', Shared: 'image' },
  cmds: [],
  paths: [
    'bin/kubeadm',
    'etc/kubeadm.yml',
    'scripts/clean.sh',
    'scripts/containerd.sh',
    'scripts/init-kube.sh',
    'scripts/uninstall-containerd.sh',
  ],
  files: {
    Metadata: '{"version":"v1.20.2","ClusterRuntime":"kubernetes"}',
    'etc/kubeadm.yml': `apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
imageRepository: k8s.gcr.io
apiServer:
  certSANs: [image.example]
dns: {type: CoreDNS, imageTag: 1.7.0}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
`,
  },
};

/** An image of another Kubernetes version. */
export function imageOf(version: string): ImageFacts {
  const labels = { ...sampleImage.labels, 'cluster.alpha.sealer.io/cluster-runtime-version': version };
  return { ...sampleImage, reference: `kubernetes:${version}`, labels, files: { ...sampleImage.files, Metadata: '{}' } };
}

/** `count` hosts named m1, m2… (10.0.0.11…) and n1, n2… (10.0.0.101…), connected, allowed everything, with nothing on them. */
export function sampleNodes(masters: number, workers: number): SeenNode[] {
  return [
    ...Array.from({ length: masters }, (_, index) => sampleNode(`m${index + 1}`, `10.0.0.${11 + index}`)),
    ...Array.from({ length: workers }, (_, index) => sampleNode(`n${index + 1}`, `10.0.0.${101 + index}`)),
  ];
}

export function sampleNode(
  name: string,
  ip: string,
  change: Partial<SeenNode> & { readonly host?: Partial<NodeFacts> } = {},
): SeenNode {
  const { host, ...rest } = change;
  const facts: NodeFacts = {
    hostname: name,
    addresses: [ip],
    arch: 'amd64',
    os: { id: 'debian', version: '12', kernel: '6.1' },
    machineId: name,
    bootId: name,
    cpus: 2,
    memoryBytes: 4e9,
    swapBytes: 0,
    diskFreeBytes: 20e9,
    listeningPorts: [22],
    rootfs: [],
    takenAt: 0,
    agentVersion: '0.1.0',
    ...host,
  };
  return { id: `node-${name}`, name, connected: true, usages: ['join-master', 'join-worker'], labels: {}, ...rest, facts };
}

export function sampleMaterial(cluster: string): Record<string, PublicMaterial> {
  return Object.fromEntries(
    requiredMaterial({ name: cluster }).map(({ ref, kind }) => [
      ref,
      kind === 'ca' ? { certificatePem: 'PEM', spkiSha256: 'ab'.repeat(32) } : {},
    ]),
  );
}

export function sampleCluster(nodes: readonly SeenNode[], change: Partial<Cluster> = {}): Cluster {
  const ips = (letter: string) => nodes.filter((node) => node.name.startsWith(letter)).map((node) => node.facts.addresses[0]!);
  return { ...clusterFromFlags({ name: 'demo', image: 'kubernetes:1.20.2', masters: ips('m'), nodes: ips('n') }), ...change };
}

export function sampleFacts(nodes: readonly SeenNode[], change: Partial<ClusterFacts> = {}): ClusterFacts {
  const installHint = 'curl -fsSLk https://10.0.0.1:7444/install.sh | sh -s -- --token TOKEN';
  return { nodes, image: sampleImage, record: undefined, material: sampleMaterial('demo'), installHint, ...change };
}

/** The record of a ready cluster of `nodes`; their facts say so too. */
export function installed(nodes: readonly SeenNode[], change: Partial<ClusterRecord> = {}): ClusterFacts {
  const members = nodes.map(({ id, name, facts }): MemberRecord => {
    return { nodeId: id, name, ip: facts.addresses[0]!, role: name.startsWith('m') ? 'master' : 'worker', state: 'ready' };
  });
  const record: ClusterRecord = {
    name: 'demo',
    revision: 7,
    state: 'ready',
    spec: sampleCluster(nodes),
    imageDigest: sampleImage.digest,
    runtime: 'kubernetes',
    runtimeVersion: 'v1.20.2',
    members,
    ...change,
  };
  return sampleFacts(
    nodes.map((node) => ({ ...node, cluster: 'demo' })),
    { record },
  );
}
