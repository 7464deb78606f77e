import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import { runScript } from '../run-script.ts';
import { containerRuntimeOf } from './container-runtime-of.ts';

/** `<cri>.sh`, then `init-kube.sh`, on every node of `nodes`. */
export function prepareHosts(context: ClusterContext, nodes: readonly ClusterNode[], atOnce: number): PhaseDraft[] {
  const cri = containerRuntimeOf(context.cluster, context.image);
  const each = (script: string, timeoutSeconds: number): StepDraft[] =>
    nodes.map((node) => runScript(context, node, { script, timeoutSeconds }));
  return [
    { name: 'container-runtime', title: `Install ${cri}`, parallelism: atOnce, steps: each(`${cri}.sh`, 900) },
    {
      name: 'prepare-hosts',
      title: 'Prepare hosts for the cluster runtime',
      parallelism: atOnce,
      steps: each('init-kube.sh', 1800),
    },
  ];
}

/** `clean.sh`, then `uninstall-<cri>.sh`; an image without them leaves to Seal what is Seal's own. */
export function uninstallSteps(context: ClusterContext, node: ClusterNode): StepDraft[] {
  const cri = containerRuntimeOf(context.cluster, context.image);
  return ['clean.sh', `uninstall-${cri}.sh`].map((script) =>
    runScript(context, node, { script, timeoutSeconds: 600, optional: true }),
  );
}
