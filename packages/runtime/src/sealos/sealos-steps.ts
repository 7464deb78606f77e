import type { StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import { pathsOf, shell } from '../kubernetes/commands.ts';
import { scriptEnv } from '../script-env.ts';
import { type SealosLabel, sealosScript } from './sealos-scripts.ts';

/**
 * The step that runs the script of a label on a node, in scripts/ of the rootfs; none where the image has no such script. The line is the image's;
 * variables in it come from the environment that all scripts get.
 */
export function sealosStep(context: ClusterContext, node: ClusterNode, label: SealosLabel, timeoutSeconds: number): StepDraft[] {
  const line = sealosScript(context.image, label);
  if (line === undefined) return [];
  const { rootfs } = pathsOf(context);
  return [
    {
      title: `scripts/${line}`,
      node: node.id,
      kind: 'run-command',
      args: { argv: ['/bin/bash', '-c', `bash ${line}`], env: scriptEnv(context, node, rootfs), cwd: `${rootfs}/scripts` },
      effect: 'idempotent',
      timeoutSeconds,
    },
  ];
}

/** Scripts of sealos expect their registry's data at $registryData: a link to what the image brings. Never replaces a directory that holds anything. */
export function linkRegistryData(context: ClusterContext, node: ClusterNode): StepDraft[] {
  const { registryData } = context.image.env;
  if (!registryData?.startsWith('/')) return [];
  const env = { DATA: registryData, TARGET: `${pathsOf(context).rootfs}/registry` };
  const title = `${registryData} is a link to what the image brings`;
  return [shell(context, node, title, linkScript, { env, timeoutSeconds: 60 })];
}

/** Removes the link that `linkRegistryData` made. */
export function unlinkRegistryData(context: ClusterContext, node: ClusterNode): StepDraft[] {
  const { registryData } = context.image.env;
  if (!registryData?.startsWith('/')) return [];
  const env = { DATA: registryData, TARGET: `${pathsOf(context).rootfs}/registry` };
  return [shell(context, node, `remove the link ${registryData}`, unlinkScript, { env, timeoutSeconds: 60 })];
}

const linkScript = `set -eu
mkdir -p "$TARGET" "$(dirname "$DATA")"
if [ -d "$DATA" ] && [ ! -L "$DATA" ]; then rmdir "$DATA"; fi
ln -sfn "$TARGET" "$DATA"`;

const unlinkScript = `set -eu
if [ -L "$DATA" ] && [ "$(readlink "$DATA")" = "$TARGET" ]; then rm "$DATA"; fi`;
