import type { Content } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { containerRuntimeOf } from '../container-runtime/container-runtime-of.ts';
import { type Documents, mergeDocuments, type Tree, writeDocuments } from './config.ts';
import { apiName, apiPort, criSocket, kubernetesVersion } from './facts.ts';
import { materialRefs } from './material.ts';
import { defaultNetworking } from './service-addresses.ts';

export interface KubeadmFile {
  /** A template: the join token is a reference until the step is sent. */
  readonly content: Content;
  readonly skipPhases: readonly string[];
}

/** Stands for the join token in the text of a plan. */
const tokenMark = '%JOIN-TOKEN%';
const kinds = ['InitConfiguration', 'ClusterConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration'];

/** What `kubeadm init` reads on the first master. */
export function initFile(context: ClusterContext, node: ClusterNode): KubeadmFile {
  const { cluster } = context;
  const all = masters(context);
  const forced: Documents = {
    InitConfiguration: {
      bootstrapTokens: [
        {
          token: tokenMark,
          ttl: '24h0m0s',
          usages: ['signing', 'authentication'],
          groups: ['system:bootstrappers:kubeadm:default-node-token'],
        },
      ],
      localAPIEndpoint: localEndpoint(node),
      nodeRegistration: { name: node.name },
    },
  };
  const computed: Documents = {
    InitConfiguration: { nodeRegistration: { kubeletExtraArgs: { 'node-ip': node.ip } } },
    ClusterConfiguration: {
      clusterName: cluster.name,
      kubernetesVersion: kubernetesVersion(context.image),
      controlPlaneEndpoint: `${apiName}:${apiPort}`,
      apiServer: { certSANs: [apiName, '127.0.0.1', 'localhost', ...all.map((master) => master.ip)] },
    },
  };
  const defaults: Documents = {
    InitConfiguration: { nodeRegistration: { criSocket: socketOf(context) } },
    ClusterConfiguration: { networking: defaultNetworking },
  };
  return fileOf(context, mergeDocuments(context, { defaults, computed, forced }), kinds);
}

/** What `kubeadm join` reads. A master finds all CA files in place, so no certificate key is needed. */
export function joinFile(context: ClusterContext, node: ClusterNode): KubeadmFile {
  const refs = materialRefs(context.cluster.name);
  const discovery = {
    bootstrapToken: {
      apiServerEndpoint: `${apiName}:${apiPort}`,
      token: tokenMark,
      caCertHashes: [`sha256:${context.material[refs.ca]?.spkiSha256 ?? ''}`],
    },
    tlsBootstrapToken: tokenMark,
  };
  const controlPlane = node.role === 'master' ? { controlPlane: { localAPIEndpoint: localEndpoint(node) } } : {};
  const forced: Documents = { JoinConfiguration: { discovery, nodeRegistration: { name: node.name }, ...controlPlane } };
  const computed: Documents = { JoinConfiguration: { nodeRegistration: { kubeletExtraArgs: { 'node-ip': node.ip } } } };
  const defaults: Documents = { JoinConfiguration: { nodeRegistration: { criSocket: socketOf(context) } } };
  const merged = mergeDocuments(context, { defaults, computed, forced });
  return fileOf(context, node.role === 'master' ? merged : withoutControlPlane(merged), ['JoinConfiguration']);
}

/** The container runtime's socket as kubeadm is told: the image's word, else the usual place. */
export function socketOf(context: ClusterContext): string {
  return criSocket(containerRuntimeOf(context.cluster, context.image), kubernetesVersion(context.image));
}

/** A user's JoinConfiguration is for masters and workers alike; a worker that read `controlPlane` would become a master. */
function withoutControlPlane(documents: Documents): Documents {
  const { controlPlane: _masters, ...join } = documents.JoinConfiguration as Tree;
  return { ...documents, JoinConfiguration: join };
}

function localEndpoint(node: ClusterNode): Tree {
  return { advertiseAddress: node.ip, bindPort: apiPort };
}

function fileOf(context: ClusterContext, documents: Documents, wanted: readonly string[]): KubeadmFile {
  const { text, skipPhases } = writeDocuments(context, documents, wanted);
  const secrets = { [tokenMark]: materialRefs(context.cluster.name).joinToken };
  return { content: { template: text, secrets }, skipPhases };
}
