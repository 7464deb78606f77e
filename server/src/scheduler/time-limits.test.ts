import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperationEventBody, OperationPolicy } from '@seal/plan';
import type { SchedulingFacts } from './decision.ts';
import { command, decide, factsOf, type Happened, planOf, short, viewOf } from './testing/decisions.ts';
import { untilNextLimit } from './time-limits.ts';

describe('time limits', () => {
  const only = planOf({ name: 'one', title: '', timeoutSeconds: 30, steps: [command('a', 'a1'), command('b', 'b1')] });
  const running = ['one started', 'a1 sent'];
  const decideAt = (now: number, policy: Partial<OperationPolicy>, happened: Happened[], facts: Partial<SchedulingFacts> = {}) =>
    short(only, decide(only, policy, happened, { now, ...facts }));

  it('end an operation and a phase that take too long: written down once, then what is in flight is ended', () => {
    assert.deepEqual(decideAt(10_999, { timeoutSeconds: 10 }, running), ['dispatch b1']);
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, running), ['time-out operation 10']);
    assert.deepEqual(decideAt(31_000, {}, running), ['time-out one 30']);
    const up: OperationEventBody = { type: 'operation-timed-out', seconds: 10 };
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, [...running, up]), ['cancel a1']);
    const ended = decide(only, {}, [...running, up, 'a1 CANCELLED']);
    assert.deepEqual(short(only, ended), ['finish-phase FAILED', 'finish-operation FAILED']);
    assert.partialDeepStrictEqual(ended.at(-1), { problem: { code: 'TIMEOUT', details: { seconds: 10 } } });
  });

  it('begin no phase when the time of the operation is up', () => {
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, []), ['time-out operation 10']);
    assert.deepEqual(decideAt(11_000, { timeoutSeconds: 10 }, [{ type: 'operation-timed-out', seconds: 10 }]), [
      'finish-operation FAILED',
    ]);
  });

  it('tell once of a silent step on a connected node, and again after a later silence', () => {
    const heard = (at: number) => ({ activeAt: () => at });
    const both = [...running, 'b1 sent'];
    const policy = { stallSeconds: 5 };
    assert.deepEqual(decideAt(6_000, policy, both, heard(2_000)), []);
    assert.deepEqual(decideAt(7_000, policy, both, heard(2_000)), ['stall a1 5', 'stall b1 5']);
    const told: OperationEventBody = { type: 'step-stalled', step: only.phases[0]!.steps[0]!.id, attempt: 1, seconds: 5 };
    // The events of this test are written at 1000.
    assert.deepEqual(decideAt(7_000, policy, [...running, 'b1 SUCCEEDED', told], heard(1_000)), []);
    assert.deepEqual(decideAt(9_000, policy, [...running, 'b1 SUCCEEDED', told], heard(3_000)), ['stall a1 5']);
    const away = { ...heard(2_000), awaySince: () => 5_000 };
    assert.deepEqual(decideAt(9_000, policy, [...running, 'b1 SUCCEEDED'], away), ['wait']);
  });

  it('end a stalled step only where that was asked for, and give it up when its agent does not answer', () => {
    const told: OperationEventBody = { type: 'step-stalled', step: only.phases[0]!.steps[0]!.id, attempt: 1, seconds: 5 };
    const stalled = [...running, 'b1 SUCCEEDED', told];
    assert.deepEqual(decideAt(9_000, { stallSeconds: 5 }, stalled), []);
    const policy = { stallSeconds: 5, stallAction: 'cancel' as const };
    assert.deepEqual(decideAt(9_000, policy, stalled), ['cancel a1']);
    const sent = { cancelledAt: () => 9_000, cancelGraceSeconds: 3 };
    assert.deepEqual(decideAt(11_999, policy, stalled, sent), ['cancel a1']);
    assert.deepEqual(decideAt(12_000, policy, stalled, sent), ['give up a1: UNKNOWN CANCEL_UNANSWERED']);
  });

  it('end a cancel that nobody answers as UNKNOWN', () => {
    const cancel: OperationEventBody = { type: 'cancel-requested', requestedBy: 'ada' };
    const facts = { cancelledAt: () => 2_000, cancelGraceSeconds: 3 };
    assert.deepEqual(decideAt(4_999, {}, [...running, cancel], facts), ['cancel a1']);
    assert.deepEqual(decideAt(5_000, {}, [...running, cancel], facts), ['give up a1: UNKNOWN CANCEL_UNANSWERED']);
  });

  it('wait for the answer of a node that is away as long as for one that is connected: it may only be coming back', () => {
    const cancel: OperationEventBody = { type: 'cancel-requested', requestedBy: 'ada' };
    const away = (since: number) => ({ awaySince: () => since, cancelGraceSeconds: 3, graceSeconds: 600 });
    assert.deepEqual(decideAt(3_999, {}, [...running, cancel], away(500)), ['wait']);
    const [wait] = decide(only, {}, [...running, cancel], { now: 3_999, ...away(500) });
    assert.match(wait?.kind === 'wait' ? wait.reason : '', /^waiting at most 3 s for host-a \(.*\): the agent is not connected$/);
    assert.deepEqual(decideAt(4_000, {}, [...running, cancel], away(500)), ['give up a1: UNKNOWN NODE_UNREACHABLE']);
    assert.deepEqual(decideAt(9_000, {}, [...running, cancel], away(8_000)), ['wait']);
    const view = viewOf(only, {}, [...running, cancel]);
    assert.equal(untilNextLimit(only, view, factsOf({ ...away(2_000), now: 2_500 })), 2_500);
  });

  it('make a failing operation say which node it waits for, and no longer when that is back', () => {
    const failed = [...running, 'b1 FAILED'];
    assert.deepEqual(decideAt(2_000, {}, failed, { awaySince: () => 1_500 }), ['wait']);
    const waiting: OperationEventBody = { type: 'operation-waiting', reason: 'waiting for a' };
    assert.deepEqual(decideAt(2_000, {}, [...failed, waiting]), ['continue']);
    assert.deepEqual(decideAt(2_000, {}, failed), []);
  });

  it('wake the operation at the next of them, and not at one that has passed', () => {
    const until = (policy: Partial<OperationPolicy>, happened: Happened[], facts: Partial<SchedulingFacts>) =>
      untilNextLimit(only, viewOf(only, policy, happened), factsOf(facts));
    assert.equal(until({}, [], {}), undefined);
    assert.equal(until({}, running, {}), 30_000);
    assert.equal(until({ timeoutSeconds: 10 }, running, {}), 10_000);
    assert.equal(until({ timeoutSeconds: 10, stallSeconds: 4 }, running, { activeAt: () => 900 }), 3_900);
    assert.equal(until({ timeoutSeconds: 10 }, running, { now: 12_000, cancelledAt: () => 11_000 }), 19_000);
    assert.equal(until({}, running, { awaySince: (node) => (node === 'b' ? 500 : undefined), graceSeconds: 5 }), 4_500);
  });
});
