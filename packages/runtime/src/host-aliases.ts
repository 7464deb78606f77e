import type { StepDraft } from '@seal/plan';
import { type ClusterContext, type ClusterNode, masters } from './cluster-context.ts';
import { apiName } from './kubernetes/facts.ts';
import { registryOf } from './registry/registry-of.ts';

/**
 * The step that makes the cluster's block of /etc/hosts on `node`: where the API is, where the registry is, and the user's own aliases.
 * Every node gets all masters, since Go's dialer goes on to the next address where one does not answer: a master begins with itself
 * (also while it joins: its own port refuses, the next answers), each worker with another master, so that load is spread.
 */
export function hostAliases(context: ClusterContext, node: ClusterNode): StepDraft {
  const api =
    node.role === 'master'
      ? [node, ...masters(context).filter((master) => master.id !== node.id)]
      : rotated(masters(context), workerPosition(context, node));
  const registry = registryOf(context);
  const entries = [
    ...api.map((master) => ({ ip: master.ip, names: [apiName] })),
    ...(registry.present ? [{ ip: masters(context)[0]!.ip, names: [registry.domain] }] : []),
    ...context.cluster.hostAliases,
  ];
  return {
    title: `/etc/hosts: ${apiName} is ${api.map((master) => master.ip).join(', ')}`,
    node: node.id,
    kind: 'host-aliases',
    args: { block: aliasBlock(context), entries },
    effect: 'idempotent',
    timeoutSeconds: 30,
  };
}

/** Takes the cluster's block out of /etc/hosts. */
export function removeHostAliases(context: ClusterContext, node: ClusterNode): StepDraft {
  return {
    title: '/etc/hosts: remove the aliases of the cluster',
    node: node.id,
    kind: 'host-aliases',
    args: { block: aliasBlock(context), entries: [] },
    effect: 'idempotent',
    timeoutSeconds: 30,
  };
}

function aliasBlock(context: ClusterContext): string {
  return `cluster-${context.cluster.name}`;
}

function workerPosition(context: ClusterContext, node: ClusterNode): number {
  return Math.max(
    0,
    context.nodes.filter((other) => other.role === 'worker').findIndex((other) => other.id === node.id),
  );
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
