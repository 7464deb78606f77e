export { checkPlan } from './check-plan.ts';
export { describePlan } from './describe-plan.ts';
export type { OperationEvent, OperationEventBody, OperationStatus, StepOutcome, StepStatus } from './events.ts';
export {
  applyEvent,
  emptyOperationView,
  foldOperation,
  type OperationView,
  type PhaseView,
  type StepView,
  tookMs,
} from './fold-operation.ts';
export { makePhase, makePhases, type PhaseDraft, type StepDraft } from './make-phase.ts';
export type { NodeFacts } from './node-facts.ts';
export { defaultPolicy, type OperationPolicy, unavailableLimit } from './operation-policy.ts';
export type { Phase, Plan, PlanKind, PlanNode } from './plan.ts';
export { stallSecondsOf } from './stall-seconds.ts';
export type { Content, Effect, FileSpec, LayerRef, Probe, RecordChange, Step, StepArgs, StepKind } from './step.ts';
export { stepId } from './step-id.ts';
