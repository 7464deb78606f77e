import { assertNever } from '@seal/foundation';
import type { OperationEvent, StepOutcome } from '@seal/plan';
import type { OperationEvent as WireEvent } from '../gen/seal/v1/operation.ts';
import { policyChangeFromWire, policyFromWire, policyToWire } from './policy-wire.ts';
import { problemFromWire, problemToWire } from './problem-wire.ts';

const empty: Omit<WireEvent, 'seq' | 'atMs' | 'operation' | 'type'> = {
  phase: '',
  step: '',
  attempt: 0,
  epoch: 0,
  status: '',
  exitCode: undefined,
  problem: undefined,
  durationMs: 0,
  reason: '',
  requestedBy: '',
  policy: undefined,
  node: '',
  steps: [],
  seconds: 0,
  otherOperation: '',
};

export function eventToWire(event: OperationEvent): WireEvent {
  const base = { ...empty, seq: event.seq, atMs: event.at, operation: event.operation, type: event.type };
  switch (event.type) {
    case 'operation-created': {
      const { requestedBy, policy, rollbackOf = '' } = event;
      return { ...base, requestedBy, policy: policy && policyToWire(policy), otherOperation: rollbackOf };
    }
    case 'cancel-requested':
      return { ...base, requestedBy: event.requestedBy };
    case 'resume-requested':
      return { ...base, requestedBy: event.requestedBy, policy: event.policy && policyToWire(event.policy) };
    case 'node-skipped':
      return { ...base, node: event.node, requestedBy: event.requestedBy };
    case 'steps-skipped':
      return { ...base, node: event.node, reason: event.reason, steps: [...event.steps] };
    case 'step-stalled':
      return { ...base, step: event.step, attempt: event.attempt, seconds: event.seconds };
    case 'operation-timed-out':
      return { ...base, seconds: event.seconds, phase: event.phase ?? '' };
    case 'operation-rolled-back':
      return { ...base, otherOperation: event.by, requestedBy: event.requestedBy };
    case 'operation-started':
    case 'operation-continued':
      return base;
    case 'operation-waiting':
      return { ...base, reason: event.reason };
    case 'operation-finished':
      return { ...base, status: event.status, problem: event.problem && problemToWire(event.problem) };
    case 'phase-started':
      return { ...base, phase: event.phase };
    case 'phase-finished':
      return { ...base, phase: event.phase, status: event.status };
    case 'step-dispatched':
      return { ...base, step: event.step, attempt: event.attempt, epoch: event.epoch };
    case 'step-started':
      return { ...base, step: event.step, attempt: event.attempt };
    case 'step-finished':
      return {
        ...base,
        step: event.step,
        attempt: event.attempt,
        status: event.outcome,
        exitCode: event.exitCode,
        problem: event.problem && problemToWire(event.problem),
        durationMs: event.durationMs,
      };
    default:
      return assertNever(event);
  }
}

/** An event from the wire; undefined for a type of a newer server, which a reader passes over. */
export function eventFromWire(wire: WireEvent): OperationEvent | undefined {
  const base = { seq: wire.seq, at: wire.atMs, operation: wire.operation };
  const problem = wire.problem ? { problem: problemFromWire(wire.problem) } : {};
  switch (wire.type as OperationEvent['type']) {
    case 'operation-created':
      return {
        ...{ ...base, type: 'operation-created', requestedBy: wire.requestedBy },
        ...(wire.policy ? { policy: policyFromWire(wire.policy) } : {}),
        ...(wire.otherOperation ? { rollbackOf: wire.otherOperation } : {}),
      };
    case 'cancel-requested':
      return { ...base, type: 'cancel-requested', requestedBy: wire.requestedBy };
    case 'resume-requested':
      return {
        ...{ ...base, type: 'resume-requested', requestedBy: wire.requestedBy },
        ...(wire.policy ? { policy: policyChangeFromWire(wire.policy) } : {}),
      };
    case 'node-skipped':
      return { ...base, type: 'node-skipped', node: wire.node, requestedBy: wire.requestedBy };
    case 'steps-skipped':
      return {
        ...{ ...base, type: 'steps-skipped', node: wire.node, steps: wire.steps },
        reason: wire.reason === 'asked' ? 'asked' : 'node-failed',
      };
    case 'step-stalled':
      return { ...base, type: 'step-stalled', step: wire.step, attempt: wire.attempt, seconds: wire.seconds };
    case 'operation-timed-out':
      return { ...base, type: 'operation-timed-out', seconds: wire.seconds, ...(wire.phase ? { phase: wire.phase } : {}) };
    case 'operation-rolled-back':
      return { ...base, type: 'operation-rolled-back', by: wire.otherOperation, requestedBy: wire.requestedBy };
    case 'operation-started':
      return { ...base, type: 'operation-started' };
    case 'operation-continued':
      return { ...base, type: 'operation-continued' };
    case 'operation-waiting':
      return { ...base, type: 'operation-waiting', reason: wire.reason };
    case 'operation-finished':
      return { ...base, type: 'operation-finished', status: wire.status as 'SUCCEEDED' | 'FAILED' | 'CANCELLED', ...problem };
    case 'phase-started':
      return { ...base, type: 'phase-started', phase: wire.phase };
    case 'phase-finished':
      return { ...base, type: 'phase-finished', phase: wire.phase, status: wire.status as 'SUCCEEDED' | 'FAILED' | 'CANCELLED' };
    case 'step-dispatched':
      return { ...base, type: 'step-dispatched', step: wire.step, attempt: wire.attempt, epoch: wire.epoch };
    case 'step-started':
      return { ...base, type: 'step-started', step: wire.step, attempt: wire.attempt };
    case 'step-finished':
      return {
        ...base,
        type: 'step-finished',
        step: wire.step,
        attempt: wire.attempt,
        outcome: wire.status as StepOutcome,
        ...(wire.exitCode === undefined ? {} : { exitCode: wire.exitCode }),
        ...problem,
        durationMs: wire.durationMs,
      };
    default:
      return undefined;
  }
}
