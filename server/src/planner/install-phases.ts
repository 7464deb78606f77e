import type { PhaseDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, distributeImage, hostAliases, prepareHosts, workersAtOnce } from '@seal/runtime';

/** What new hosts go through before the cluster runtime: aliases, image, container runtime, preparation; `registry` where the image wants it. */
export function preparePhases(
  context: ClusterContext,
  joining: readonly ClusterNode[],
  registry: readonly PhaseDraft[] = [],
): PhaseDraft[] {
  const aliases = joining.map((node) => hostAliases(context, node));
  return [
    { name: 'host-aliases', title: 'Names of API and registry on the nodes', steps: aliases },
    ...distributeImage(context, joining, workersAtOnce),
    ...prepareHosts(context, joining, workersAtOnce, registry),
  ];
}

/** "1 master, 2 workers". */
export function countRoles(nodes: readonly { readonly role: 'master' | 'worker' }[]): string {
  const count = (role: string, word: string): string[] => {
    const number = nodes.filter((node) => node.role === role).length;
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`];
  };
  return [...count('master', 'master'), ...count('worker', 'worker')].join(', ');
}
