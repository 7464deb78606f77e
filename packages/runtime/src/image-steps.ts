import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from './cluster-context.ts';
import { pathsOf } from './kubernetes/commands.ts';
import { scriptEnv } from './script-env.ts';

/** Brings the ClusterImage to `nodes` and makes the rootfs there. */
export function distributeImage(context: ClusterContext, nodes: readonly ClusterNode[], atOnce: number): PhaseDraft[] {
  const { rootfs } = pathsOf(context);
  const { reference, layers } = context.image;
  const steps = nodes.flatMap((node): StepDraft[] => [
    {
      title: `fetch ${layers.length} layers of ${reference}`,
      node: node.id,
      kind: 'fetch-layers',
      args: { image: reference, layers },
      effect: 'idempotent',
      timeoutSeconds: 3600,
    },
    {
      title: `rootfs at ${rootfs}`,
      node: node.id,
      kind: 'mount-rootfs',
      args: { mountPoint: rootfs, layers, env: scriptEnv(context, node, rootfs) },
      effect: 'idempotent',
      timeoutSeconds: 1800,
    },
  ]);
  return [{ name: 'distribute-image', title: `Bring ${reference} to the nodes`, parallelism: atOnce, steps }];
}

/** Takes the rootfs away, and everything of the cluster below the data root. */
export function removeImage(context: ClusterContext, node: ClusterNode): StepDraft[] {
  const { base, rootfs } = pathsOf(context);
  return [
    {
      title: `remove the rootfs at ${rootfs}`,
      node: node.id,
      kind: 'unmount-rootfs',
      args: { mountPoint: rootfs },
      effect: 'idempotent',
      timeoutSeconds: 300,
    },
    {
      title: `remove ${base}`,
      node: node.id,
      kind: 'remove-paths',
      args: { paths: [base] },
      effect: 'idempotent',
      timeoutSeconds: 300,
    },
  ];
}
