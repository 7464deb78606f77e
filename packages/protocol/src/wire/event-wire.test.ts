import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperationEvent, OperationEventBody } from '@seal/plan';
import { OperationEvent as WireEvent } from '../gen/seal/v1/operation.ts';
import { eventFromWire, eventToWire } from './event-wire.ts';
import { policyChangeFromWire, policyFromWire, policyToWire } from './policy-wire.ts';

const problem = { code: 'TIMEOUT', message: 'm', remedy: 'r', details: { a: 1 } } as const;
const policy = {
  onFailure: 'continue',
  maxUnavailable: '10%',
  timeoutSeconds: 60,
  stallSeconds: 30,
  stallAction: 'cancel',
} as const;
/** Of every type one with all of its fields. */
const bodies: { readonly [T in OperationEventBody['type']]: Omit<Extract<OperationEventBody, { type: T }>, 'type'> } = {
  'operation-created': { requestedBy: 'ada', policy, rollbackOf: 'op-0' },
  'operation-started': {},
  'operation-waiting': { reason: 'n1 is away' },
  'operation-continued': {},
  'cancel-requested': { requestedBy: 'ada' },
  'resume-requested': { requestedBy: 'ada', policy: { timeoutSeconds: 9 } },
  'node-skipped': { node: 'node-1', requestedBy: 'ada' },
  'steps-skipped': { node: 'node-1', reason: 'asked', steps: ['s1', 's2'] },
  'step-stalled': { step: 's1', attempt: 2, seconds: 900 },
  'operation-timed-out': { seconds: 60, phase: 'one' },
  'operation-rolled-back': { by: 'op-2', requestedBy: 'ada' },
  'operation-finished': { status: 'FAILED', problem },
  'phase-started': { phase: 'one' },
  'phase-finished': { phase: 'one', status: 'FAILED' },
  'step-dispatched': { step: 's1', attempt: 2, epoch: 3 },
  'step-started': { step: 's1', attempt: 2 },
  'step-finished': { step: 's1', attempt: 2, outcome: 'FAILED', exitCode: 1, problem, durationMs: 5 },
};

for (const [type, body] of Object.entries(bodies))
  test(`${type} comes out of the wire as it went in`, () => {
    const event = { seq: 4, at: 1000, operation: 'op-1', type, ...body } as OperationEvent;
    const bytes = WireEvent.encode(eventToWire(event)).finish();
    assert.deepEqual(eventFromWire(WireEvent.decode(bytes)), event);
  });

test('an event of a type that a newer server knows is passed over', () => {
  assert.equal(
    eventFromWire({ ...eventToWire({ seq: 1, at: 1, operation: 'o', type: 'operation-started' }), type: 'new' }),
    undefined,
  );
});

test('a request says of a policy only what it names; the rest is the default, or what was said before', () => {
  const wire = policyToWire({ maxUnavailable: '2' });
  assert.deepEqual(policyChangeFromWire(wire), { maxUnavailable: '2' });
  assert.deepEqual(policyFromWire(wire), { onFailure: 'fail-fast', stallAction: 'report', maxUnavailable: '2' });
  assert.deepEqual(policyChangeFromWire(undefined), {});
});

for (const wrong of [{ onFailure: 'perhaps' }, { maxUnavailable: '0' }, { stallAction: 'kill' }, { timeoutSeconds: -1 }])
  test(`a policy with ${JSON.stringify(wrong)} is refused`, () =>
    assert.throws(() => policyFromWire({ ...policyToWire({}), ...wrong }), { code: 'USAGE' }));
