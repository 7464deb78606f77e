import type { PhaseDraft, StepDraft } from '@seal/plan';
import semver from 'semver';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import type { LeaveOptions } from '../runtime.ts';
import { about, kubectl, pathsOf, shell } from './commands.ts';
import { etcdUrl } from './etcd-url.ts';
import { kubernetesVersion } from './facts.ts';
import { etcdKeepsQuorum } from './gates.ts';
import { drainScript, removeMemberScript, resetScript } from './host-scripts.ts';
import { socketOf } from './kubeadm-file.ts';

/** What a drain may take: long enough for a pod with a generous grace period, short enough to be noticed when a budget blocks it for ever. */
const drainSeconds = 300;

/**
 * Takes `node` out of a cluster that goes on. Drain and kubelet first, so that nothing new starts and the Node does not come back; then API and
 * etcd; the host itself is reset last. For a node that is away only API and etcd are told. `force`: pods without an owner go too, and
 * a drain that fails does not stop the rest. A master goes only while the others have etcd's quorum among themselves.
 */
export function leave(context: ClusterContext, node: ClusterNode, options: LeaveOptions): PhaseDraft[] {
  const stopKubelet: StepDraft = {
    title: 'stop the kubelet',
    node: node.id,
    kind: 'manage-unit',
    args: { unit: 'kubelet.service', action: 'stop' },
    effect: 'idempotent',
    timeoutSeconds: 120,
  };
  const membership = [
    kubectl(context, `delete node ${node.name} from the API`, [
      'delete',
      'node',
      node.name,
      '--ignore-not-found',
      '--timeout',
      '60s',
    ]),
    ...(node.role === 'master' ? [removeMember(context, node)] : []),
  ].map((step) => about(step, node));
  const drained = node.connected && !options.skipDrain;
  const phases: PhaseDraft[] = [
    {
      name: `gate-${node.name}`,
      title: `Before ${node.name} goes: etcd has its quorum without it`,
      steps: node.role === 'master' ? [about(etcdKeepsQuorum(context, context.nodes), node)] : [],
    },
    {
      name: `drain-${node.name}`,
      title: `Drain ${node.name}`,
      destructive: true,
      steps: drained ? [about(drain(context, node, options.force), node)] : [],
    },
    {
      name: `stop-${node.name}`,
      title: `Stop the kubelet of ${node.name}`,
      destructive: true,
      steps: node.connected ? [stopKubelet] : [],
    },
    {
      name: `forget-${node.name}`,
      title: `Take ${node.name} out of the cluster's membership`,
      destructive: true,
      steps: membership,
    },
    {
      name: `reset-${node.name}`,
      title: `Reset Kubernetes on ${node.name}`,
      destructive: true,
      steps: node.connected ? [resetHost(context, node)] : [],
    },
  ];
  return phases;
}

/** Resets the hosts of a cluster that ends: nothing is drained, and the API need not live. */
export function reset(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[] {
  return nodes.map((node) => ({
    name: `reset-${node.name}`,
    title: `Reset Kubernetes on ${node.name}`,
    destructive: true,
    steps: [resetHost(context, node)],
  }));
}

function drain(context: ClusterContext, node: ClusterNode, force: boolean): StepDraft {
  const renamed = semver.gte(kubernetesVersion(context.image), '1.20.0-0');
  return shell(context, context.apiNode, `drain ${node.name}`, drainScript, {
    env: {
      NODE_NAME: node.name,
      DELETE_LOCAL: renamed ? '--delete-emptydir-data' : '--delete-local-data',
      DRAIN_SECONDS: String(drainSeconds),
      DRAIN_FLAGS: force ? '--force' : '',
    },
    timeoutSeconds: drainSeconds + 60,
    mayFail: force,
  });
}

function removeMember(context: ClusterContext, node: ClusterNode): StepDraft {
  return shell(context, context.apiNode, `remove ${node.name} from etcd`, removeMemberScript, {
    env: { ETCD_ENDPOINT: etcdUrl(context.apiNode.ip, 2379), PEER_URL: etcdUrl(node.ip, 2380) },
    timeoutSeconds: 240,
  });
}

function resetHost(context: ClusterContext, node: ClusterNode): StepDraft {
  return shell(context, node, 'kubeadm reset', resetScript, {
    env: { BASE: pathsOf(context).base, CRI_SOCKET: socketOf(context) },
    timeoutSeconds: 600,
  });
}
