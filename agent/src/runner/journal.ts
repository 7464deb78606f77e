import { type Clock, Problem } from '@seal/foundation';
import type { JournalFile } from './journal-file.ts';
import { decodeRecord, encodeRecord, type JournalRecord } from './journal-record.ts';
import { type JournalEntry, JournalState } from './journal-state.ts';

/** How long the outcome of a settled step is kept, for commands that come again. */
export const keepSettledMs = 7 * 24 * 3600 * 1000;

/** What an accepted attempt may still write: its start, its early end, its outcome; and that this was acknowledged. */
const outcomeBytes = 8 * 1024;
const settledBytes = 256;
/** Room is reserved in pieces of this size. */
const reserveBytes = 32 * 1024;

interface Waiting {
  readonly record: JournalRecord;
  readonly line: string;
  readonly durable: boolean;
  readonly resolve: () => void;
  readonly reject: (problem: Problem) => void;
}

/**
 * The agent's memory of what it was told and what it did.
 *
 * INVARIANTS:
 * - An attempt is accepted only with room on the disk reserved for its outcome: a disk that fills up afterwards refuses new steps and keeps
 *   no outcome back. (Not where the file system cannot reserve, and not after a failed write: then outcomes wait for room.)
 * - `state` holds a record only when it has been written (and, where asked for, synced): what a caller reads here survives a kill of the agent.
 * - One write is on its way at a time; records appended meanwhile go together with the next one (group commit), in the order of the calls.
 * - After any failed write or sync nothing further is appended to that file: it is first replaced by a fresh one made from `state`,
 *   because after a failed fsync the kernel may have dropped pages that it reports as clean.
 */
export class Journal {
  readonly #file: JournalFile;
  readonly #clock: Clock;
  readonly #state: JournalState;
  #compactAtBytes: number;
  #bytes: number;
  /** The file can grow to this size. */
  #reserved = 0;
  #waiting: Waiting[] = [];
  #writing = false;
  #damaged = false;

  private constructor(file: JournalFile, clock: Clock, compactAtBytes: number, state: JournalState, bytes: number) {
    this.#file = file;
    this.#clock = clock;
    this.#compactAtBytes = compactAtBytes;
    this.#state = state;
    this.#bytes = bytes;
  }

  /**
   * Reads the journal back. A torn last record is cut: nobody was told of it. Problems: JOURNAL_CORRUPT when a record in the middle is not
   * what was written, JOURNAL_FAILED when the disk refuses. `compactAtBytes` (1 MiB): size from which a journal of mostly settled steps is rewritten.
   */
  static async open(file: JournalFile, clock: Clock, compactAtBytes = 1024 * 1024): Promise<Journal> {
    try {
      const data = Buffer.from(await file.readAll());
      const { records, goodBytes } = readRecords(data);
      if (goodBytes < data.length) await file.truncate(goodBytes);
      // A killed agent may have left records that only the kernel has; from here on they are told to the server.
      if (goodBytes > 0) await file.sync();
      const state = new JournalState();
      for (const record of records) state.apply(record);
      const journal = new Journal(file, clock, compactAtBytes, state, goodBytes);
      if (goodBytes > compactAtBytes) await journal.#rewrite();
      return journal;
    } catch (error) {
      throw asProblem(error);
    }
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  get(step: string, attempt: number): JournalEntry | undefined {
    return this.#state.get(step, attempt);
  }

  latest(step: string): JournalEntry | undefined {
    return this.#state.latest(step);
  }

  succeeded(step: string): JournalEntry | undefined {
    return this.#state.succeeded(step);
  }

  /** Entries that the server has not acknowledged yet. */
  unsettled(): JournalEntry[] {
    return [...this.#state.entries()].filter((entry) => !entry.settled);
  }

  /**
   * Adds a record. `durable`: resolves when it survives a loss of power; `written`: when it survives a kill of the agent.
   * Problem: JOURNAL_FAILED; the record is then not there, and a later append may succeed again (space was freed).
   */
  append(record: JournalRecord, durability: 'durable' | 'written' = 'durable'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, line: encodeRecord(record), durable: durability === 'durable', resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  /** Ends use of the file. What was not awaited may be lost. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        for (const { resolve } of await this.#write(batch)) resolve();
      } catch (error) {
        this.#damaged = true;
        for (const { reject } of batch) reject(asProblem(error));
      }
    }
    this.#writing = false;
  }

  /** Returns what was written: all of the batch but what there is no room for. */
  async #write(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    if (this.#damaged) await this.#rewrite();
    else if (this.#bytes > this.#compactAtBytes) await this.#compact();
    const admitted = await this.#admitted(batch);
    if (admitted.length === 0) return admitted;
    const data = Buffer.from(admitted.map(({ line }) => line).join(''));
    await this.#file.append(data);
    if (admitted.some(({ durable }) => durable)) await this.#file.sync();
    this.#bytes += data.length;
    for (const { record } of admitted) this.#state.apply(record);
    return admitted;
  }

  /** Steps whose outcome could not be journaled later are refused now; nothing of them is written. */
  async #admitted(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const accepted = batch.filter(({ record }) => record.type === 'accepted');
    const lines = batch.reduce((bytes, { line }) => bytes + Buffer.byteLength(line), 0);
    const wanted = this.#bytes + lines + this.#roomFor(accepted.length);
    if (accepted.length === 0 || wanted <= this.#reserved) return batch;
    const size = Math.ceil(wanted / reserveBytes) * reserveBytes;
    try {
      await this.#file.reserve(size);
      this.#reserved = size;
      return batch;
    } catch (error) {
      for (const { reject } of accepted) reject(asProblem(error));
      return batch.filter(({ record }) => record.type !== 'accepted');
    }
  }

  /** Bytes that attempts in the journal, and `more` of them, may still write. */
  #roomFor(more: number): number {
    return (this.#state.unfinished + more) * outcomeBytes + (this.#state.unsettled + more) * settledBytes;
  }

  /** On a disk that has no room for that the journal stays as long as it is. */
  async #compact(): Promise<void> {
    try {
      await this.#rewrite();
    } catch {
      this.#compactAtBytes = this.#bytes + reserveBytes;
    }
  }

  async #rewrite(): Promise<void> {
    this.#state.forgetSettledBefore(this.#clock.now() - keepSettledMs);
    const data = Buffer.from([...this.#state.records()].map(encodeRecord).join(''));
    const size = data.length + this.#roomFor(0);
    await this.#file.replace(data, size);
    this.#bytes = data.length;
    this.#reserved = size;
    this.#compactAtBytes = Math.max(this.#compactAtBytes, 2 * data.length);
    this.#damaged = false;
  }
}

function readRecords(data: Buffer): { records: JournalRecord[]; goodBytes: number } {
  const records: JournalRecord[] = [];
  let goodBytes = 0;
  for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, goodBytes)) {
    const record = decodeRecord(data.toString('utf8', goodBytes, end));
    if (!record) break;
    records.push(record);
    goodBytes = end + 1;
  }
  const rest = data.toString('utf8', goodBytes).split('\n');
  if (rest.slice(1).some((line) => decodeRecord(line)))
    throw new Problem(
      'JOURNAL_CORRUPT',
      `the agent's journal is damaged at byte ${goodBytes} of ${data.length}, with good records after it`,
    );
  return { records, goodBytes };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new Problem('JOURNAL_FAILED', `the agent's journal could not be written: ${reason}`, { cause: error });
}
