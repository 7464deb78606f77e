import type { JournalFile } from '../../agent/src/runner/journal-file.ts';
import type { JournalRecord } from '../../agent/src/runner/journal-record.ts';
import { JournalState } from '../../agent/src/runner/journal-state.ts';
import type { Life } from './life.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** The disk under an agent's journal: what the kernel holds outlives a kill, what was synced outlives a loss of power. */
export class JournalDisk {
  readonly #world: World;
  readonly #prng: Prng;
  readonly #isFull: () => boolean;
  #held: Buffer = Buffer.alloc(0);
  #synced: Buffer = Buffer.alloc(0);
  #state = new JournalState();
  /** Size to which the file can grow on a disk that is full. */
  #reserved = 0;

  constructor(world: World, prng: Prng, isFull: () => boolean) {
    this.#world = world;
    this.#prng = prng;
    this.#isFull = isFull;
  }

  /** What an agent that starts now would read. */
  get state(): JournalState {
    return this.#state;
  }

  /** The file as one life of the agent has it open. */
  open(life: Life): JournalFile {
    const { faults } = this.#world;
    const refuses = (grows: boolean) => (grows && this.#isFull()) || faults.happens('disk-failure');
    const refuseToGrow = () => (refuses(true) ? refusal('ENOSPC') : undefined);
    const refusal = (code: string) => Object.assign(new Error(`${code}: simulated`), { code });
    return {
      readAll: () => life.call('journal.read', () => this.#held),
      append: (data) => {
        const part = () => this.#append(data.subarray(0, this.#prng.int(0, data.length)));
        const refuse = () => {
          if (!refuses(this.#held.length + data.length > this.#reserved)) return undefined;
          part();
          return refusal('ENOSPC');
        };
        return life.call('journal.append', () => this.#append(data), { killed: part, refuse });
      },
      sync: () =>
        life.call('journal.sync', () => this.#sync(), {
          refuse: () => (faults.happens('sync-failure') ? refusal('EIO') : undefined),
        }),
      truncate: (length) => life.call('journal.truncate', () => this.#replace(this.#held.subarray(0, length))),
      reserve: (size) =>
        life.call(
          'journal.reserve',
          () => {
            this.#reserved = Math.max(this.#reserved, size);
          },
          { refuse: refuseToGrow },
        ),
      replace: (data, size) =>
        life.call(
          'journal.replace',
          () => {
            this.#replace(Buffer.from(data));
            this.#reserved = size;
            this.#sync();
          },
          { refuse: refuseToGrow },
        ),
      close: () => life.call('journal.close', () => undefined),
    };
  }

  /** The host lost its power: of what was not synced a part may be there, torn anywhere. */
  loseUnsynced(): void {
    const grown = this.#held.subarray(0, this.#synced.length).equals(this.#synced);
    const kept = this.#synced.length + this.#prng.int(0, Math.max(0, this.#held.length - this.#synced.length));
    this.#reserved = this.#synced.length;
    const found = grown ? this.#held.subarray(0, kept) : this.#prng.pick([this.#synced, this.#held]);
    const zeros = grown && this.#prng.chance(0.1) ? this.#held.length - kept : 0;
    this.#replace(Buffer.concat([found, Buffer.alloc(zeros)]));
    this.#sync();
  }

  #append(data: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, data]);
    this.#read(Buffer.from(data), true);
  }

  #sync(): void {
    this.#synced = this.#held;
  }

  #replace(data: Buffer): void {
    this.#held = Buffer.from(data);
    this.#state = new JournalState();
    this.#read(this.#held, false);
  }

  #read(data: Buffer, isNew: boolean): void {
    // What follows the last line feed is the beginning of a record that was torn.
    for (const line of data.toString('utf8').split('\n').slice(0, -1)) {
      const record = recordOf(line);
      if (!record) continue;
      if (isNew && record.type === 'accepted' && record.epoch < this.#state.epoch)
        this.#world.violated(
          'old-epoch',
          `step ${record.step} was accepted for epoch ${record.epoch} after ${this.#state.epoch}`,
        );
      this.#state.apply(record);
    }
  }
}

/** A whole line's record; the checksums are the journal's own matter. */
function recordOf(line: string): JournalRecord | undefined {
  if (!line.endsWith('}')) return undefined;
  try {
    return JSON.parse(line.slice(9)) as JournalRecord;
  } catch {
    return undefined; // the end of a record that was torn
  }
}
