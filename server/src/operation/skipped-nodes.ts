import { Problem } from '@seal/foundation';
import type { OperationView, Plan, PlanNode } from '@seal/plan';

/**
 * Ids of the nodes of a plan whose steps somebody wants left out, by name, id or address.
 * Problems: NODE_NOT_FOUND (not in the plan), NODE_NOT_SKIPPABLE (it runs steps for other nodes that are not done).
 */
export function skippedNodes(plan: Plan, names: readonly string[], view?: OperationView): string[] {
  return [...new Set(names)].map((name) => {
    const node = plan.nodes.find((candidate) => [candidate.id, candidate.name, candidate.ip].includes(name));
    if (!node) throw notInPlan(plan, name);
    refuseNeeded(plan, node, view);
    return node.id;
  });
}

function notInPlan(plan: Plan, name: string): Problem {
  const nodes = plan.nodes.map((node) => `${node.name} (${node.ip})`).join(', ');
  return new Problem('NODE_NOT_FOUND', `the plan has no node "${name}" that could be left out; its nodes are ${nodes}`, {
    remedy: 'Name nodes of the plan by name or address.',
  });
}

function refuseNeeded(plan: Plan, node: PlanNode, view: OperationView | undefined): void {
  const open = plan.phases.flatMap((phase) => phase.steps).filter((step) => step.node === node.id && isOpen(view, step.id));
  const forOthers = open.find((step) => step.about !== undefined && step.about !== node.id);
  const needed = forOthers ?? (isOnlyMaster(plan, node) ? open[0] : undefined);
  if (needed)
    throw new Problem(
      'NODE_NOT_SKIPPABLE',
      `${node.name} (${node.ip}) cannot be left out: it runs what the other nodes of the plan need ("${needed.title}")`,
    );
}

function isOpen(view: OperationView | undefined, step: string): boolean {
  const status = view?.steps.get(step)?.status;
  return status !== 'SUCCEEDED' && status !== 'SKIPPED';
}

function isOnlyMaster(plan: Plan, node: PlanNode): boolean {
  return node.role === 'master' && plan.nodes.filter((other) => other.role === 'master').length === 1;
}
