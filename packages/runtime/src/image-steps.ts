import { posix } from 'node:path';
import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from './cluster-context.ts';
import type { ImageFacts, LaidFile } from './cluster-facts.ts';
import { pathsOf } from './kubernetes/commands.ts';
import { scriptEnv } from './script-env.ts';

/** Brings the ClusterImage to `nodes` and makes the rootfs there, with patches and the user's files over it. */
export function distributeImage(context: ClusterContext, nodes: readonly ClusterNode[], atOnce: number): PhaseDraft[] {
  const { rootfs } = pathsOf(context);
  const { reference, layers, over = [] } = context.image;
  const steps = nodes.flatMap((node): StepDraft[] => [
    {
      title: `fetch ${layers.length + over.length} layers of ${reference}`,
      node: node.id,
      kind: 'fetch-layers',
      args: { image: reference, layers: [...layers, ...over] },
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
    ...(over.length > 0 ? patchRootfs(context, node, []) : []),
    ...laidFiles(node, rootfs, context.files ?? [], scriptEnv(context, node, rootfs)),
  ]);
  return [{ name: 'distribute-image', title: `Bring ${reference} to the nodes`, parallelism: atOnce, steps }];
}

/** Makes what lies over the rootfs of a node what the image says: its patches, and no longer those of `removed`. */
export function patchRootfs(context: ClusterContext, node: ClusterNode, removed: ImageFacts['layers']): StepDraft[] {
  const { rootfs } = pathsOf(context);
  const { layers, over = [] } = context.image;
  const names = (context.patches ?? []).map((patch) => patch.reference);
  return [
    {
      title: over.length > 0 ? `${names.join(', ')} over the rootfs` : 'no patches over the rootfs',
      node: node.id,
      kind: 'lay-over',
      args: { rootfs, base: layers, over, removed, env: scriptEnv(context, node, rootfs) },
      effect: 'idempotent',
      timeoutSeconds: 1800,
    },
  ];
}

/** Writes the user's files over what an image has at `root`, and renders those that are templates. */
export function laidFiles(
  node: ClusterNode,
  root: string,
  files: readonly LaidFile[],
  env: Readonly<Record<string, string>>,
): StepDraft[] {
  if (files.length === 0) return [];
  const written = files.map(({ path, content }) => ({ path: `${root}/${path}`, mode: '0600', content }));
  const directories = [...new Set(files.filter(({ path }) => path.endsWith('.tmpl')).map(({ path }) => posix.dirname(path)))];
  const step = { node: node.id, effect: 'idempotent', timeoutSeconds: 120 } as const;
  const named = files.map(({ path }) => path).join(', ');
  return [
    { ...step, title: `files of the Clusterfile: ${named}`, kind: 'write-files', args: { files: written } },
    ...(directories.length > 0 && !directories.includes('.')
      ? [
          {
            ...step,
            title: 'templates of the Clusterfile',
            kind: 'render-templates' as const,
            args: { rootfs: root, directories, env },
          },
        ]
      : []),
  ];
}

/** Takes rootfs and images of apps away, and everything of the cluster below the data root. */
export function removeImage(context: ClusterContext, node: ClusterNode): StepDraft[] {
  const { base, rootfs, applications } = pathsOf(context);
  // Whichever they are, and on workers too: an app may have been uninstalled while this host was away, and the import of container images cut.
  return [
    ...(context.mayHoldApps ? [unmount(node, applications)] : []),
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

/** Takes the image of an app away from a node. */
export function removePlace(context: ClusterContext, node: ClusterNode, place: string): StepDraft {
  return unmount(node, `${pathsOf(context).applications}/${place}`);
}

function unmount(node: ClusterNode, mountPoint: string): StepDraft {
  return {
    title: `remove what lies at ${mountPoint}`,
    node: node.id,
    kind: 'unmount-rootfs',
    args: { mountPoint },
    effect: 'idempotent',
    timeoutSeconds: 300,
  };
}
