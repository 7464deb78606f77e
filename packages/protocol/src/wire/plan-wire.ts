import type { Plan, PlanKind, PlanNode } from '@seal/plan';
import type { Plan as WirePlan } from '../gen/seal/v1/plan.ts';
import { stepFromWire, stepToWire } from './step-wire.ts';

export function planToWire(plan: Plan): WirePlan {
  return {
    id: plan.id,
    kind: plan.kind,
    cluster: plan.cluster,
    baseRevision: plan.baseRevision,
    summary: plan.summary,
    nodes: plan.nodes.map((node) => ({ ...node })),
    phases: plan.phases.map(({ timeoutSeconds = 0, needsAll = false, steps, ...phase }) => ({
      ...{ ...phase, timeoutSeconds, needsAll },
      steps: steps.map(stepToWire),
    })),
  };
}

/** A plan from the wire. Problems: STEP_KIND_UNKNOWN, STEP_INVALID. */
export function planFromWire(wire: WirePlan): Plan {
  return {
    id: wire.id,
    kind: wire.kind as PlanKind,
    cluster: wire.cluster,
    baseRevision: wire.baseRevision,
    summary: wire.summary,
    nodes: wire.nodes.map((node) => ({ ...node, role: node.role as PlanNode['role'] })),
    phases: wire.phases.map(({ timeoutSeconds, needsAll, steps, ...phase }) => ({
      ...phase,
      ...(timeoutSeconds > 0 ? { timeoutSeconds } : {}),
      ...(needsAll ? { needsAll } : {}),
      steps: steps.map(stepFromWire),
    })),
  };
}
