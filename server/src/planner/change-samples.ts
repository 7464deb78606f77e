import type { Plan } from '@seal/plan';
import type { ClusterFacts } from '@seal/runtime';
import { sampleNode } from '@seal/runtime/testing';

/** For tests of the planners: facts to start from, and plans in a form that reads as a table. */
export const planId = 'plan-1';

export function shape(plan: Plan): string[] {
  const names = new Map(plan.nodes.map((node) => [node.id, node.name]));
  return plan.phases.map((phase) => `${phase.name}: ${[...new Set(phase.steps.map((step) => names.get(step.node)))].join(' ')}`);
}

export function away(facts: ClusterFacts, ...names: string[]): ClusterFacts {
  return { ...facts, nodes: facts.nodes.map((node) => ({ ...node, connected: !names.includes(node.name) })) };
}

export function records(plan: Plan): string[] {
  return plan.phases.flatMap((phase) =>
    phase.steps.flatMap((step) =>
      (step.records ?? []).map((record) => `${phase.name}: ${record.kind}${'nodeId' in record ? ` ${record.nodeId}` : ''}`),
    ),
  );
}

export function withNew(facts: ClusterFacts, ...names: string[]): ClusterFacts {
  return { ...facts, nodes: [...facts.nodes, ...names.map((name, index) => sampleNode(name, `10.0.1.${index + 1}`))] };
}
