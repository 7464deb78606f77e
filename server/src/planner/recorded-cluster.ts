import { Problem } from '@seal/foundation';
import type { PhaseDraft } from '@seal/plan';
import { type ClusterContext, type ClusterFacts, type ClusterNode, type ClusterRecord, hostAliases } from '@seal/runtime';

/** The record of the cluster that a verb changes. Problem: CLUSTER_NOT_FOUND. */
export function recordedCluster(facts: ClusterFacts): ClusterRecord {
  if (!facts.record) throw new Problem('CLUSTER_NOT_FOUND', 'there is no such cluster');
  return facts.record;
}

/** Tells nodes that stay where the API is now. */
export function realias(context: ClusterContext, nodes: readonly ClusterNode[]): PhaseDraft[] {
  return [
    {
      name: 'follow-masters',
      title: 'Nodes that stay learn where the API is now',
      steps: nodes.map((node) => hostAliases(context, node)),
    },
  ];
}
