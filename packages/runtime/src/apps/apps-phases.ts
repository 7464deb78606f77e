import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import type { ImageFacts, LaidFile } from '../cluster-facts.ts';
import { imageName } from '../images/arrange-images.ts';
import { pathsOf } from '../kubernetes/commands.ts';
import { adminKubeconfig } from '../kubernetes/facts.ts';
import { scriptEnv } from '../script-env.ts';
import { imageRoot, unitEnv } from './app-env.ts';
import type { AppUnit } from './app-units.ts';
import { launchUnit } from './launch-unit.ts';
import { placeImage, renderUnit } from './place-image.ts';

export interface AppsInput {
  readonly units: readonly AppUnit[];
  /** Files over the rootfs ('') and over images of apps, by reference. */
  readonly files: Readonly<Record<string, readonly LaidFile[]>>;
  /** Shell lines instead of what the images launch. */
  readonly cmds: readonly string[];
}

/**
 * What happens once the cluster is up, on one master: apps or CMD of the cluster's own image (`own`, for a cluster that is made), then of each further
 * image in its order, each brought there first. `cmds` stand for all of that: they run in the rootfs, or without `own` where the first image lies.
 */
export function appsPhases(context: ClusterContext, input: AppsInput, own: ImageFacts | undefined): PhaseDraft[] {
  const { units, files, cmds } = input;
  const images = [...new Map(units.filter((unit) => unit.place !== undefined).map((unit) => [unit.place, unit.image])).entries()];
  const unitsAt = (place: string | undefined) => units.filter((unit) => unit.place === place);
  const place: PhaseDraft = {
    name: 'distribute-apps',
    title: `Bring ${images.map(([, image]) => image.reference).join(', ')} to ${context.apiNode.name}`,
    steps: images.flatMap(([at, image]) => placeImage(context, image, unitsAt(at), files[image.reference])),
  };
  if (cmds.length > 0) return [place, commands(context, cmds, own ? undefined : units[0])];
  return [
    ...(own ? [ownPhase(context, own, unitsAt(undefined), files[''] ?? [])] : []),
    place,
    ...images.map(([at, image]): PhaseDraft => {
      const steps = unitsAt(at).flatMap((unit) => recorded(launchUnit(context, unit), unit));
      return { name: `launch-${imageName(image.reference)}`, title: `Launch ${image.reference}`, steps };
    }),
  ];
}

/** CMD of patches, on each of `nodes`, in the rootfs: sealos' images do there what cannot be done by files. */
export function patchCommands(
  context: ClusterContext,
  patches: readonly ImageFacts[],
  nodes: readonly ClusterNode[],
): PhaseDraft[] {
  const { rootfs } = pathsOf(context);
  const steps = nodes.flatMap((node) =>
    patches.flatMap((patch) =>
      patch.cmds.map((line) =>
        shellLine(node, line, { ...scriptEnv(context, node, rootfs), KUBECONFIG: adminKubeconfig }, rootfs),
      ),
    ),
  );
  return [{ name: 'patch-commands', title: 'Run the commands of patches on the nodes', steps }];
}

/** Names of units that no step of `phases` records: they have nothing to launch. */
export function unrecorded(units: readonly AppUnit[], phases: readonly PhaseDraft[]): string[] {
  const done = new Set(
    phases.flatMap((phase) =>
      phase.steps.flatMap((step) => (step.records ?? []).flatMap((change) => ('name' in change ? change.name : []))),
    ),
  );
  return units.map((unit) => unit.name).filter((name) => !done.has(name));
}

function ownPhase(context: ClusterContext, own: ImageFacts, units: readonly AppUnit[], files: readonly LaidFile[]): PhaseDraft {
  if (units.length === 0) return commands(context, own.cmds, undefined);
  const steps = units.flatMap((unit) => [...renderUnit(context, unit, files), ...recorded(launchUnit(context, unit), unit)]);
  return { name: 'commands', title: 'Launch the apps of the image', steps };
}

function commands(context: ClusterContext, lines: readonly string[], at: AppUnit | undefined): PhaseDraft {
  const { apiNode } = context;
  const { rootfs } = pathsOf(context);
  const env = at ? unitEnv(context, at) : { ...scriptEnv(context, apiNode, rootfs), KUBECONFIG: adminKubeconfig };
  const cwd = at ? imageRoot(context, at.place) : rootfs;
  const title = at ? 'Run the commands that were given' : 'Run the commands of the image';
  return { name: 'commands', title, steps: lines.map((line) => shellLine(apiNode, line, env, cwd)) };
}

function shellLine(node: ClusterNode, line: string, env: Readonly<Record<string, string>>, cwd: string): StepDraft {
  return {
    title: line,
    node: node.id,
    kind: 'run-command',
    args: { argv: ['/bin/bash', '-c', line], env, cwd },
    effect: 'irreversible',
    timeoutSeconds: 1800,
  };
}

/** The last step of a unit records that it is there. */
function recorded(steps: readonly StepDraft[], unit: AppUnit): StepDraft[] {
  const last = steps.at(-1);
  return last ? [...steps.slice(0, -1), { ...last, records: [{ kind: 'app-installed', name: unit.name }] }] : [];
}
