import type { JournalEntry } from './journal-state.ts';
import type { LiveStepFacts } from './live-step.ts';
import type { StepKey } from './step-key.ts';

export function keyOf(entry: JournalEntry): StepKey {
  return { step: entry.step, attempt: entry.attempt };
}

/** What has to be known of a step to go on with it. */
export function factsOf(entry: JournalEntry): LiveStepFacts {
  return { key: keyOf(entry), effect: entry.accepted.effect, timeoutSeconds: entry.accepted.timeoutSeconds };
}
