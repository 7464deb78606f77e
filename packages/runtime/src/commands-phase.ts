import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext } from './cluster-context.ts';
import { pathsOf } from './kubernetes/commands.ts';
import { adminKubeconfig } from './kubernetes/facts.ts';
import { launchApp } from './launch-app.ts';
import { scriptEnv } from './script-env.ts';

/**
 * The commands that a user wants once the cluster is up: those of the Clusterfile, else LAUNCH, else CMD of the image. On one master, in the rootfs.
 * Nobody knows whether they may be run twice, so one whose end was lost is reported as UNKNOWN rather than repeated.
 */
export function commandsPhase(context: ClusterContext): PhaseDraft[] {
  const { cluster, image, apiNode } = context;
  const { rootfs } = pathsOf(context);
  if (cluster.cmds.length === 0 && image.launch && image.launch.length > 0) {
    const launched = image.launch.flatMap((name) => launchApp(context, name));
    return [{ name: 'commands', title: 'Launch the apps of the image', steps: launched }];
  }
  const lines = cluster.cmds.length > 0 ? cluster.cmds : image.cmds;
  const steps = lines.map(
    (line): StepDraft => ({
      title: line,
      node: apiNode.id,
      kind: 'run-command',
      args: {
        argv: ['/bin/bash', '-c', line],
        env: { ...scriptEnv(context, apiNode, rootfs), KUBECONFIG: adminKubeconfig },
        cwd: rootfs,
      },
      effect: 'irreversible',
      timeoutSeconds: 1800,
    }),
  );
  return [{ name: 'commands', title: 'Run the commands of the image', steps }];
}
