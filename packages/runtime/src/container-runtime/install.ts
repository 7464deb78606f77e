import type { PhaseDraft, StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from '../cluster-context.ts';
import { runScript } from '../run-script.ts';
import { isSealosImage, type SealosLabel } from '../sealos/sealos-scripts.ts';
import { sealosStep, unlinkRegistryData } from '../sealos/sealos-steps.ts';
import { containerRuntimeOf } from './container-runtime-of.ts';

/**
 * `<cri>.sh`, then `init-kube.sh`, on every node of `nodes`, then `registry`. Of an image of sealos its own scripts in its own order: check,
 * registry, init-cri, init, auth.
 */
export function prepareHosts(
  context: ClusterContext,
  nodes: readonly ClusterNode[],
  atOnce: number,
  registry: readonly PhaseDraft[] = [],
): PhaseDraft[] {
  const cri = containerRuntimeOf(context.cluster, context.image);
  const phase = (name: string, title: string, stepsOn: (node: ClusterNode) => StepDraft[]): PhaseDraft => {
    return { name, title, parallelism: atOnce, steps: nodes.flatMap(stepsOn) };
  };
  const prepareTitle = 'Prepare hosts for the cluster runtime';
  if (isSealosImage(context.image)) {
    const labelled = (label: SealosLabel, timeoutSeconds: number) => (node: ClusterNode) =>
      sealosStep(context, node, label, timeoutSeconds);
    return [
      phase('check-hosts', "Let the image's own script check the hosts", labelled('check', 600)),
      ...registry,
      phase('container-runtime', `Install ${cri}`, labelled('init-cri', 900)),
      phase('prepare-hosts', prepareTitle, labelled('init', 1800)),
      phase('registry-login', 'Let the nodes log in to the registry', labelled('auth', 300)),
    ];
  }
  const script = (name: string, timeoutSeconds: number) => (node: ClusterNode) => [
    runScript(context, node, { script: name, timeoutSeconds }),
  ];
  return [
    phase('container-runtime', `Install ${cri}`, script(`${cri}.sh`, 900)),
    phase('prepare-hosts', prepareTitle, script('init-kube.sh', 1800)),
    ...registry,
  ];
}

/** `clean.sh`, then `uninstall-<cri>.sh`; an image without them leaves to Seal what is Seal's own. Of an image of sealos: clean, clean-cri, clean-registry. */
export function uninstallSteps(context: ClusterContext, node: ClusterNode): StepDraft[] {
  if (isSealosImage(context.image)) {
    const isRegistryNode = masters(context)[0]?.id === node.id;
    return [
      ...sealosStep(context, node, 'clean', 600),
      ...sealosStep(context, node, 'clean-cri', 600),
      ...(isRegistryNode ? [...sealosStep(context, node, 'clean-registry', 600), ...unlinkRegistryData(context, node)] : []),
    ];
  }
  const cri = containerRuntimeOf(context.cluster, context.image);
  return ['clean.sh', `uninstall-${cri}.sh`].map((script) =>
    runScript(context, node, { script, timeoutSeconds: 600, optional: true }),
  );
}
