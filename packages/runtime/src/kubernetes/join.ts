import type { PhaseDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { kubectl, shell, waitForApi, waitForReady } from './commands.ts';
import { closeJoiningScript, joinMasterScript, joinWorkerScript, openJoiningScript } from './host-scripts.ts';
import { kubeadmEnv, placeFiles, removeStaging } from './install.ts';
import { joinFile } from './kubeadm-file.ts';
import { materialRefs } from './material.ts';

/** Workers that join, or are prepared, at once: their image pulls and kubelet bootstraps all fall on the same masters. */
export const workersAtOnce = 10;

/** One phase per master: etcd takes one new member at a time. */
export function joinMasters(context: ClusterContext, joining: readonly ClusterNode[]): PhaseDraft[] {
  return joining.map((node) => {
    const file = joinFile(context, node);
    const env = {
      ...kubeadmEnv(context, file),
      NODE_NAME: node.name,
      ETCD_ENDPOINT: etcdUrl(context.apiNode.ip, 2379),
      PEER_URL: etcdUrl(node.ip, 2380),
    };
    return {
      name: `join-master-${node.name}`,
      title: `Join master ${node.name}`,
      steps: [
        placeFiles(context, node, file),
        shell(context, node, 'kubeadm join --control-plane', joinMasterScript, { env, effect: 'guarded', timeoutSeconds: 900 }),
        removeStaging(context, node),
        waitForApi(context, node),
      ],
    };
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
          kubectl(context, `role of ${workers.length} workers`, [
            'label',
            '--overwrite',
            'node',
            ...workers,
            'node-role.kubernetes.io/worker=',
          ]),
        ]
      : []),
    ...nodes.flatMap((node) => {
      const labels = Object.entries(node.spec.labels).map(([name, value]) => `${name}=${value}`);
      const { taints } = node.spec;
      return [
        ...(labels.length > 0
          ? [kubectl(context, `labels of ${node.name}`, ['label', '--overwrite', 'node', node.name, ...labels])]
          : []),
        ...(taints.length > 0
          ? [kubectl(context, `taints of ${node.name}`, ['taint', '--overwrite', 'node', node.name, ...taints])]
          : []),
      ];
    }),
  ];
  return [{ name: 'label-nodes', title: 'Roles, labels and taints', steps }];
}

/** Every master's API healthy, every node of `nodes` Ready. */
export function verify(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[] {
  const apis = masters(context)
    .filter((master) => master.connected)
    .map((master) => waitForApi(context, master));
  const ready = nodes.map((node) => ({
    ...waitForReady(context, node),
    records: [{ kind: 'member-ready' as const, nodeId: node.id }],
  }));
  return [{ name: 'verify', title: 'Every API healthy, every node Ready', steps: [...apis, ...ready] }];
}

/** https://ADDRESS:PORT, as kubeadm writes the URLs of etcd. */
export function etcdUrl(ip: string, port: number): string {
  return `https://${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}
