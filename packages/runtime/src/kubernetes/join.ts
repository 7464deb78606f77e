import type { PhaseDraft, StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { about, kubectl, shell, waitForApi, waitForReady } from './commands.ts';
import { etcdUrl } from './etcd-url.ts';
import { gateBeforeMaster, waitForDaemonSets } from './gates.ts';
import { closeJoiningScript, joinMasterScript, joinWorkerScript, labelWorkersScript, openJoiningScript } from './host-scripts.ts';
import { kubeadmEnv, placeFiles, removeStaging } from './install.ts';
import { joinFile } from './kubeadm-file.ts';
import { materialRefs } from './material.ts';

/** Workers that join, or are prepared, at once: their image pulls and kubelet bootstraps all fall on the same masters. */
export const workersAtOnce = 10;

/** A gate and a phase per master: etcd takes one new member at a time, and only while it is well. */
export function joinMasters(context: ClusterContext, joining: readonly ClusterNode[]): PhaseDraft[] {
  const old = masters(context).filter((master) => !joining.includes(master));
  return joining.flatMap((node, index) => {
    const file = joinFile(context, node);
    const env = {
      ...kubeadmEnv(context, file),
      NODE_NAME: node.name,
      ETCD_ENDPOINT: etcdUrl(context.apiNode.ip, 2379),
      PEER_URL: etcdUrl(node.ip, 2380),
    };
    const join: PhaseDraft = {
      name: `join-master-${node.name}`,
      title: `Join master ${node.name}`,
      steps: [
        placeFiles(context, node, file),
        shell(context, node, 'kubeadm join --control-plane', joinMasterScript, { env, effect: 'guarded', timeoutSeconds: 900 }),
        removeStaging(context, node),
        waitForApi(context, node),
      ],
    };
    return [gateBeforeMaster(context, node, [...old, ...joining.slice(0, index)]), join];
  });
}

export function joinWorkers(context: ClusterContext, joining: readonly ClusterNode[]): PhaseDraft[] {
  const steps = joining.flatMap((node) => {
    const file = joinFile(context, node);
    const env = { ...kubeadmEnv(context, file), NODE_NAME: node.name };
    return [
      placeFiles(context, node, file),
      shell(context, node, 'kubeadm join', joinWorkerScript, { env, effect: 'guarded', timeoutSeconds: 600 }),
      removeStaging(context, node),
    ];
  });
  return [{ name: 'join-workers', title: 'Join workers', parallelism: workersAtOnce, steps }];
}

/** Puts the join token into the cluster for 24 hours. */
export function openJoining(context: ClusterContext): PhaseDraft[] {
  const { apiNode } = context;
  const step = shell(context, apiNode, 'put the join token into the cluster', openJoiningScript, {
    stdinSecret: materialRefs(context.cluster.name).joinToken,
    timeoutSeconds: 120,
  });
  return [{ name: 'open-joining', title: 'Let nodes join', steps: [step] }];
}

/** Takes the join token out of the cluster again. */
export function closeJoining(context: ClusterContext): PhaseDraft[] {
  const { apiNode } = context;
  const step = shell(context, apiNode, 'take the join token out of the cluster', closeJoiningScript, {
    stdinSecret: materialRefs(context.cluster.name).joinToken,
    timeoutSeconds: 120,
  });
  return [{ name: 'close-joining', title: 'Let no more nodes join', steps: [step] }];
}

/** Role of workers, and the labels and taints that were asked for. */
export function labelNodes(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[] {
  const workers = nodes.filter((node) => node.role === 'worker').map((node) => node.name);
  const steps = [
    ...(workers.length > 0
      ? [
          shell(
            context,
            context.apiNode,
            workers.length === 1 ? `role of worker ${workers[0]}` : `role of ${workers.length} workers`,
            labelWorkersScript,
            {
              env: { NODE_NAMES: workers.join(' ') },
              timeoutSeconds: 120,
            },
          ),
        ]
      : []),
    ...nodes.flatMap((node) => {
      const labels = Object.entries(node.spec.labels).map(([name, value]) => `${name}=${value}`);
      const { taints } = node.spec;
      const steps = [
        ...(labels.length > 0
          ? [kubectl(context, `labels of ${node.name}`, ['label', '--overwrite', 'node', node.name, ...labels])]
          : []),
        ...(taints.length > 0
          ? [kubectl(context, `taints of ${node.name}`, ['taint', '--overwrite', 'node', node.name, ...taints])]
          : []),
      ];
      return steps.map((step) => about(step, node));
    }),
  ];
  return [{ name: 'label-nodes', title: 'Roles, labels and taints', steps }];
}

/** Every master's API healthy; every node of `nodes` Ready, and the DaemonSets on it too. */
export function verify(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[] {
  const apis = masters(context)
    .filter((master) => master.connected)
    .map((master) => waitForApi(context, master));
  const ready = nodes.flatMap((node): StepDraft[] => [
    waitForReady(context, node),
    { ...waitForDaemonSets(context, node), records: [{ kind: 'member-ready', nodeId: node.id }] },
  ]);
  return [{ name: 'verify', title: 'Every API healthy, every node Ready', steps: [...apis, ...ready] }];
}
