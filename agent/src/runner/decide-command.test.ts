import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideCommand } from './decide-command.ts';
import type { JournalEntry } from './journal-state.ts';
import { resolveDoubt } from './resolve-doubt.ts';

type Outcome = NonNullable<JournalEntry['finished']>['outcome'];

function entry(attempt: number, outcome?: Outcome): JournalEntry {
  const facts = {
    at: 0,
    epoch: 1,
    operation: 'op',
    kind: 'run-script',
    effect: 'guarded' as const,
    timeoutSeconds: 1,
    bootId: 'b',
  };
  const finished = outcome ? { finished: { at: 1, outcome, durationMs: 0, stdoutBytes: 0, stderrBytes: 0 } } : {};
  return { step: 's', attempt, accepted: { ...facts, inDoubt: false }, ...finished };
}

function decide(attempt: number, entries: readonly JournalEntry[], options: { live?: number; neverRan?: boolean } = {}): string {
  return decideCommand({
    attempt,
    known: entries.find((known) => known.attempt === attempt),
    latest: entries.at(-1),
    succeeded: entries.find(({ finished }) => finished?.outcome === 'SUCCEEDED' || finished?.outcome === 'SKIPPED'),
    liveAttempt: options.live,
    neverRan: () => options.neverRan ?? false,
  }).do;
}

test('a step that was never seen runs', () => {
  assert.equal(decide(1, []), 'run');
  assert.equal(decide(4, []), 'run');
});

test('a redelivered attempt is answered from the journal and runs nothing', () => {
  for (const outcome of ['SUCCEEDED', 'FAILED', 'UNKNOWN', 'SKIPPED', 'CANCELLED'] as const)
    assert.equal(decide(1, [entry(1, outcome)]), 'answer-finished');
  assert.equal(decide(1, [entry(1)], { live: 1 }), 'answer-running');
  assert.equal(decide(1, [], { live: 1 }), 'answer-running');
});

test('a higher attempt of a step that succeeded or had nothing to do runs nothing', () => {
  assert.equal(decide(2, [entry(1, 'SUCCEEDED')]), 'repeat-outcome');
  assert.equal(decide(3, [entry(1, 'FAILED'), entry(2, 'SKIPPED')]), 'repeat-outcome');
});

test('a higher attempt of a step that failed or was cancelled runs', () => {
  assert.equal(decide(2, [entry(1, 'FAILED')]), 'run');
  assert.equal(decide(2, [entry(1, 'CANCELLED')]), 'run');
});

test('a higher attempt waits while a lower one is being worked on', () => {
  assert.equal(decide(2, [entry(1)], { live: 1 }), 'hold');
});

test('a command that was overtaken by a higher attempt runs nothing', () => {
  assert.equal(decide(1, [entry(2, 'FAILED')]), 'ignore');
  assert.equal(decide(1, [entry(2)], { live: 2 }), 'ignore');
});

test('a step whose effect is in doubt does not simply run, under the same or a higher attempt', () => {
  assert.equal(decide(1, [entry(1)]), 'resolve-doubt');
  assert.equal(decide(2, [entry(1)]), 'resolve-doubt');
  assert.equal(decide(2, [entry(1, 'UNKNOWN')]), 'resolve-doubt');
});

test('an accepted step whose work was certainly never begun runs', () => {
  assert.equal(decide(1, [entry(1)], { neverRan: true }), 'run');
  assert.equal(decide(2, [entry(1)], { neverRan: true }), 'run');
});

test('doubt is resolved by the effect: idempotent runs again, guarded asks first, irreversible only asks', () => {
  const answers = ['there', 'not-there', 'cannot-tell', undefined] as const;
  const verdicts = (effect: 'idempotent' | 'guarded' | 'irreversible') => answers.map((answer) => resolveDoubt(effect, answer));
  assert.deepEqual(verdicts('idempotent'), ['run', 'run', 'run', 'run']);
  assert.deepEqual(verdicts('guarded'), ['SUCCEEDED', 'run', 'UNKNOWN', 'UNKNOWN']);
  assert.deepEqual(verdicts('irreversible'), ['SUCCEEDED', 'UNKNOWN', 'UNKNOWN', 'UNKNOWN']);
});

test('a success holds for every higher attempt, also after one that was lost before it could say so', () => {
  assert.equal(decide(3, [entry(1, 'SUCCEEDED'), entry(2)]), 'repeat-outcome');
  assert.equal(decide(3, [entry(1, 'SUCCEEDED'), entry(2)], { neverRan: true }), 'repeat-outcome');
});

test('an attempt in doubt that ended before it began leaves the doubt to the next one', () => {
  const doubtful = entry(2, 'CANCELLED');
  const inDoubt = { ...doubtful, accepted: { ...doubtful.accepted, inDoubt: true } };
  assert.equal(decide(3, [entry(1), inDoubt]), 'resolve-doubt');
});
