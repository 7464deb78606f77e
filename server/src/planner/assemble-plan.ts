import {
  checkPlan,
  makePhases,
  type PhaseDraft,
  type Plan,
  type PlanKind,
  type PlanNode,
  type RecordChange,
  type StepDraft,
} from '@seal/plan';
import type { ClusterNode } from '@seal/runtime';

export interface PlanDraft {
  readonly planId: string;
  readonly kind: PlanKind;
  readonly cluster: string;
  readonly baseRevision: number;
  readonly summary: string;
  /** Every node that the plan may touch; those without a step are left out of it. */
  readonly nodes: readonly PlanNode[];
  readonly phases: readonly PhaseDraft[];
  /** New members: the first step on each records that it is joining. */
  readonly joining?: readonly ClusterNode[];
  /** Recorded with the last step of the plan, in this order. */
  readonly atEnd?: readonly RecordChange[];
}

/** The finished, checked plan of a verb: ids given, records attached, empty phases left out. */
export function assemblePlan(draft: PlanDraft): Plan {
  const { planId, kind, cluster, baseRevision, summary } = draft;
  const joining = recordJoining(draft.phases, draft.joining ?? []);
  const phases = makePhases(planId, (draft.atEnd ?? []).reduce(recordAtEnd, joining));
  const touched = new Set(phases.flatMap((phase) => phase.steps.map((step) => step.node)));
  const nodes = draft.nodes.filter((node) => touched.has(node.id)).map(({ id, name, ip, role }) => ({ id, name, ip, role }));
  const plan: Plan = { id: planId, kind, cluster, baseRevision, summary, nodes, phases };
  checkPlan(plan);
  return plan;
}

function recordJoining(phases: readonly PhaseDraft[], joining: readonly ClusterNode[]): PhaseDraft[] {
  const waiting = new Map(joining.map((node) => [node.id, node]));
  const visit = (step: StepDraft): StepDraft => {
    const node = waiting.get(step.node);
    if (!node) return step;
    waiting.delete(step.node);
    return withRecord(step, { kind: 'member-joining', nodeId: node.id, ip: node.ip, role: node.role });
  };
  return phases.map((phase) => ({ ...phase, steps: phase.steps.map(visit) }));
}

function recordAtEnd(phases: readonly PhaseDraft[], change: RecordChange): readonly PhaseDraft[] {
  const last = phases.findLastIndex((phase) => phase.steps.length > 0);
  return phases.map((phase, index) =>
    index === last ? { ...phase, steps: [...phase.steps.slice(0, -1), withRecord(phase.steps.at(-1)!, change)] } : phase,
  );
}

/** A step that succeeds changes the record so; changes that it makes already stay. */
export function withRecord(step: StepDraft, change: RecordChange): StepDraft {
  return { ...step, records: [...(step.records ?? []), change] };
}
