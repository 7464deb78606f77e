import type { PhaseDraft, StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, removeHostAliases, removeImage, uninstallSteps } from '@seal/runtime';
import { withRecord } from './assemble-plan.ts';

/** Everything of the cluster off one connected host, after its runtime was reset: scripts of the image, rootfs, aliases. The last step records that the member is gone. */
export function cleanHost(context: ClusterContext, node: ClusterNode): PhaseDraft {
  const steps: StepDraft[] = [...uninstallSteps(context, node), ...removeImage(context, node), removeHostAliases(context, node)];
  const last = steps.length - 1;
  return {
    name: `clean-${node.name}`,
    title: `Give ${node.name} back as it was found`,
    destructive: true,
    steps: steps.map((step, index) => (index === last ? withRecord(step, { kind: 'member-removed', nodeId: node.id }) : step)),
  };
}

/** "; away and left as they are: n2 (10.0.0.3)", or nothing. */
export function tellAway(away: readonly ClusterNode[]): string {
  if (away.length === 0) return '';
  return `; away, and therefore not cleaned: ${away.map((node) => `${node.name} (${node.ip})`).join(', ')}`;
}
