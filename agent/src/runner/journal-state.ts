import type { JournalRecord, JournalRecordOf } from './journal-record.ts';

type Fields<T extends JournalRecord['type']> = Omit<JournalRecordOf<T>, 'type' | 'step' | 'attempt'>;

/** What the journal knows of one attempt of a step. */
export interface JournalEntry {
  readonly step: string;
  readonly attempt: number;
  readonly accepted: Fields<'accepted'>;
  readonly started?: Fields<'started'>;
  readonly ending?: Fields<'ending'>;
  readonly finished?: Fields<'finished'>;
  readonly settled?: Fields<'settled'>;
}

/** The journal's contents: a fold over its records and nothing else. */
export class JournalState {
  #epoch = 0;
  #unsettled = 0;
  #unfinished = 0;
  readonly #steps = new Map<string, Map<number, JournalEntry>>();

  /** Highest epoch of a server ever seen; 0 = none. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How many attempts the server has not acknowledged. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** How many of them have no outcome yet. */
  get unfinished(): number {
    return this.#unfinished;
  }

  apply(record: JournalRecord): void {
    if (record.type === 'epoch') {
      this.#epoch = Math.max(this.#epoch, record.epoch);
      return;
    }
    const { type, step, attempt, ...fields } = record;
    const attempts = this.#steps.get(step) ?? new Map<number, JournalEntry>();
    const entry = attempts.get(attempt);
    if (!entry && type !== 'accepted') return; // the disk refused its acceptance: it was never begun
    // An attempt that was lost and acknowledged begins anew when a server asks for it that was restored from a backup.
    const earlier = type === 'accepted' ? undefined : entry;
    const changed = { ...earlier, step, attempt, [type]: fields } as JournalEntry;
    attempts.set(attempt, changed);
    this.#count(entry, -1);
    this.#count(changed, 1);
    this.#steps.set(step, attempts);
  }

  #count(entry: JournalEntry | undefined, by: 1 | -1): void {
    if (!entry || entry.settled) return;
    this.#unsettled += by;
    if (!entry.finished) this.#unfinished += by;
  }

  get(step: string, attempt: number): JournalEntry | undefined {
    return this.#steps.get(step)?.get(attempt);
  }

  /** The entry of the highest attempt of a step. */
  latest(step: string): JournalEntry | undefined {
    const attempts = this.#steps.get(step);
    return attempts?.get(Math.max(...attempts.keys()));
  }

  /** The entry of an attempt of a step that has SUCCEEDED or was SKIPPED; undefined when none has. */
  succeeded(step: string): JournalEntry | undefined {
    const entries = [...(this.#steps.get(step)?.values() ?? [])];
    return entries.find(({ finished }) => finished?.outcome === 'SUCCEEDED' || finished?.outcome === 'SKIPPED');
  }

  /** Every entry, in no particular order. */
  *entries(): Generator<JournalEntry> {
    for (const attempts of this.#steps.values()) yield* attempts.values();
  }

  /** Forgets attempts that were settled before `time` (ms since the epoch). */
  forgetSettledBefore(time: number): void {
    for (const [step, attempts] of this.#steps) {
      for (const entry of attempts.values()) if (entry.settled && entry.settled.at < time) attempts.delete(entry.attempt);
      if (attempts.size === 0) this.#steps.delete(step);
    }
  }

  /** The records from which `apply` makes this state again. */
  *records(): Generator<JournalRecord> {
    yield { type: 'epoch', epoch: this.#epoch };
    for (const { step, attempt, accepted, started, ending, finished, settled } of this.entries()) {
      yield { type: 'accepted', step, attempt, ...accepted };
      if (started) yield { type: 'started', step, attempt, ...started };
      if (ending) yield { type: 'ending', step, attempt, ...ending };
      if (finished) yield { type: 'finished', step, attempt, ...finished };
      if (settled) yield { type: 'settled', step, attempt, ...settled };
    }
  }
}
