import type { ProblemData } from '@seal/foundation';
import type { OperationEvent, OperationStatus, StepStatus } from './events.ts';
import { defaultPolicy, type OperationPolicy } from './operation-policy.ts';
import type { Plan } from './plan.ts';

export interface StepView {
  readonly id: string;
  readonly phase: string;
  readonly node: string;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly exitCode?: number;
  readonly problem?: ProblemData;
  readonly startedAt?: number;
  readonly durationMs?: number;
  /** Of a SKIPPED step that was never sent: why. */
  readonly skipped?: 'node-failed' | 'asked';
  /** When this attempt was last said to be stalled, ms. */
  readonly stalledAt?: number;
}

export interface PhaseView {
  readonly name: string;
  readonly status: 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  readonly startedAt?: number;
  readonly finishedAt?: number;
}

/** The state of an operation: a fold over its log and nothing else. */
export interface OperationView {
  readonly operation: string;
  readonly status: OperationStatus;
  readonly cancelRequested: boolean;
  readonly policy: OperationPolicy;
  /** When it was created or resumed last, ms: where its own time limit begins. */
  readonly runSince: number;
  /** How long the runs before the last resume took together, ms; the time between them does not count. */
  readonly earlierMs: number;
  /** When steps in flight were told to end: cancelled, or out of time. */
  readonly endingSince?: number;
  /** Whose time is up, and how long it was. */
  readonly timedOut?: { readonly seconds: number; readonly phase?: string };
  /** Nodes whose remaining steps are left out because somebody asked for that: node id to who. */
  readonly skippedNodes: ReadonlyMap<string, string>;
  readonly rollbackOf?: string;
  readonly rolledBackBy?: string;
  readonly waitingFor?: string;
  readonly requestedBy: string;
  readonly createdAt: number;
  readonly finishedAt?: number;
  readonly problem?: ProblemData;
  readonly phases: ReadonlyMap<string, PhaseView>;
  readonly steps: ReadonlyMap<string, StepView>;
  /** Seq of the last event folded in; 0 = none. */
  readonly seq: number;
}

/** The view of an operation before its first event. */
export function emptyOperationView(operation: string, plan: Plan): OperationView {
  const phases = new Map(plan.phases.map((phase) => [phase.name, { name: phase.name, status: 'PENDING' } as PhaseView]));
  const steps = new Map<string, StepView>();
  for (const phase of plan.phases)
    for (const step of phase.steps)
      steps.set(step.id, { id: step.id, phase: phase.name, node: step.node, status: 'PENDING', attempt: 0 });
  return {
    ...{
      operation,
      status: 'PENDING',
      cancelRequested: false,
      requestedBy: '',
      createdAt: 0,
      runSince: 0,
      earlierMs: 0,
      phases,
      steps,
      seq: 0,
    },
    policy: defaultPolicy,
    skippedNodes: new Map(),
  };
}

/**
 * Applies one more event to `view`, in place: a fold over ten thousand steps must not copy ten thousand entries per event.
 * Whoever shows a view to others hands out the read-only type.
 */
export function applyEvent(view: OperationView, event: OperationEvent): void {
  Object.assign(view, changes(view, event), { seq: event.seq });
}

/** The view after all events. */
export function foldOperation(operation: string, plan: Plan, events: Iterable<OperationEvent>): OperationView {
  const view = emptyOperationView(operation, plan);
  for (const event of events) applyEvent(view, event);
  return view;
}

function changes(view: OperationView, event: OperationEvent): Partial<OperationView> {
  switch (event.type) {
    case 'operation-created':
      return {
        ...{ createdAt: event.at, runSince: event.at, requestedBy: event.requestedBy, rollbackOf: event.rollbackOf },
        policy: event.policy ?? defaultPolicy,
      };
    case 'operation-started':
      return { status: 'RUNNING' };
    case 'operation-waiting':
      return { status: 'WAITING', waitingFor: event.reason };
    case 'operation-continued':
      return { status: 'RUNNING', waitingFor: undefined };
    case 'cancel-requested':
      return { cancelRequested: true, endingSince: view.endingSince ?? event.at };
    case 'operation-timed-out': {
      const { seconds, phase } = event;
      return {
        timedOut: { seconds, ...(phase === undefined ? {} : { phase }) },
        endingSince: view.endingSince ?? event.at,
      };
    }
    case 'resume-requested':
      return {
        ...resumed(view),
        runSince: event.at,
        earlierMs: tookMs(view, event.at),
        policy: { ...view.policy, ...event.policy },
      };
    case 'node-skipped':
      return { skippedNodes: new Map([...view.skippedNodes, [event.node, event.requestedBy]]) };
    case 'steps-skipped':
      for (const step of event.steps) changeEntry(view.steps, step, { status: 'SKIPPED', skipped: event.reason });
      return {};
    case 'step-stalled':
      return changeEntry(view.steps, event.step, { stalledAt: event.at });
    case 'operation-rolled-back':
      return { rolledBackBy: event.by };
    case 'operation-finished':
      return { status: event.status, finishedAt: event.at, waitingFor: undefined, problem: event.problem };
    case 'phase-started':
      return changeEntry(view.phases, event.phase, { status: 'RUNNING', startedAt: event.at, finishedAt: undefined });
    case 'phase-finished':
      return changeEntry(view.phases, event.phase, { status: event.status, finishedAt: event.at });
    case 'step-dispatched':
      return changeEntry(view.steps, event.step, {
        ...{ status: 'DISPATCHED', attempt: event.attempt, problem: undefined, skipped: undefined, stalledAt: undefined },
      });
    case 'step-started':
      return changeEntry(view.steps, event.step, { status: 'STARTED', attempt: event.attempt, startedAt: event.at });
    case 'step-finished': {
      const { outcome, attempt, exitCode, problem, durationMs } = event;
      return changeEntry(view.steps, event.step, { status: outcome, attempt, exitCode, problem, durationMs });
    }
  }
}

/** How long the operation worked until `now` or its end, ms; without the time between an end and the resume after it. */
export function tookMs(view: Pick<OperationView, 'runSince' | 'earlierMs' | 'finishedAt'>, now: number): number {
  return view.earlierMs + Math.max(0, (view.finishedAt || now) - view.runSince);
}

/** Everything that did not succeed is to be done (again); what succeeded or was skipped stays, unless it was skipped because its node had failed. */
function resumed(view: OperationView): Partial<OperationView> {
  for (const step of view.steps.values())
    if (step.status === 'FAILED' || step.status === 'UNKNOWN' || step.status === 'CANCELLED' || step.skipped === 'node-failed')
      changeEntry(view.steps, step.id, { status: 'PENDING', skipped: undefined });
  for (const phase of view.phases.values())
    if (phase.status === 'FAILED' || phase.status === 'CANCELLED') changeEntry(view.phases, phase.name, { status: 'PENDING' });
  return {
    ...{ status: 'RUNNING', cancelRequested: false, finishedAt: undefined, problem: undefined },
    ...{ endingSince: undefined, timedOut: undefined },
  };
}

function changeEntry<V extends object>(map: ReadonlyMap<string, V>, key: string, change: Partial<V>): Record<string, never> {
  const entry = map.get(key);
  if (!entry) throw new Error(`event names ${key}, which the plan does not hold`);
  Object.assign(entry, change);
  return {};
}
