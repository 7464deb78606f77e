import { Problem } from '@seal/foundation';
import type { DroppedRange, OutputStream, SpoolPort } from '../../agent/src/runner/spool-port.ts';
import { parseStepKey, type StepKey, stepKeyText } from '../../agent/src/runner/step-key.ts';
import type { Faults } from './faults.ts';
import type { Life } from './life.ts';
import type { Prng } from './prng.ts';

interface Stream {
  size: number;
  dropped: DroppedRange | undefined;
}

/**
 * Output on a simulated disk. The byte at each place of a stream follows from step, attempt, stream and place alone (`outputByte`),
 * so that whoever has bytes can tell whether they are the right ones.
 */
export class SimulatedSpool {
  readonly #streams = new Map<string, [Stream, Stream]>();
  /** Steps of which a loss of power took output. */
  readonly #damaged = new Set<string>();
  readonly #faults: Faults;
  readonly #prng: Prng;
  readonly #isFull: () => boolean;

  constructor(faults: Faults, prng: Prng, isFull: () => boolean) {
    this.#faults = faults;
    this.#prng = prng;
    this.#isFull = isFull;
  }

  /** Output that a process writes by itself: what does not fit is lost to it. */
  grow(key: StepKey, stream: OutputStream, bytes: number): void {
    if (this.#isFull()) return;
    const found = this.#streams.get(stepKeyText(key))?.[stream - 1];
    if (found) found.size += bytes;
  }

  wasDamaged(key: StepKey): boolean {
    return this.#damaged.has(stepKeyText(key));
  }

  /** Steps that still have output here. */
  get keys(): string[] {
    return [...this.#streams.keys()];
  }

  /** The host lost its power: the end of what was written lately may be gone. */
  loseUnsynced(): void {
    for (const [name, streams] of this.#streams)
      for (const stream of streams) {
        if (stream.size === 0 || !this.#prng.chance(0.5)) continue;
        stream.size = this.#prng.int(stream.dropped?.to ?? 0, stream.size);
        this.#damaged.add(name);
      }
  }

  /** The spool as one life of the agent has it. */
  port(life: Life): SpoolPort {
    const of = (key: StepKey, stream: OutputStream) => this.#streams.get(stepKeyText(key))?.[stream - 1];
    const failure = () => (this.#faults.happens('spool-failure') ? new Problem('SPOOL_FAILED', 'EIO: simulated') : undefined);
    const call = <T>(port: string, perform: () => T) => life.call(port, perform, { refuse: failure });
    const grow = <T>(port: string, perform: () => T) =>
      life.call(port, perform, { refuse: () => (this.#isFull() ? new Problem('SPOOL_FAILED', 'ENOSPC: simulated') : failure()) });
    return {
      create: (key) =>
        grow('spool.create', () => {
          const name = stepKeyText(key);
          if (!this.#streams.has(name)) this.#streams.set(name, [newStream(), newStream()]);
        }),
      append: (key, stream, data) => grow('spool.append', () => this.grow(key, stream, data.length)),
      size: (key, stream) => call('spool.size', () => of(key, stream)?.size ?? 0),
      read: (key, stream, offset, maxBytes) =>
        call('spool.read', () => {
          const { size = 0, dropped } = of(key, stream) ?? {};
          const end = Math.min(size, offset + maxBytes, dropped && offset < dropped.from ? dropped.from : size);
          return Uint8Array.from({ length: Math.max(0, end - offset) }, (_, at) => outputByte(key, stream, offset + at));
        }),
      drop: (key, stream, { from, to }) =>
        call('spool.drop', () => {
          const found = of(key, stream);
          if (found) found.dropped = { from: Math.min(from, found.dropped?.from ?? from), to };
        }),
      dropped: (key, stream) => call('spool.dropped', () => of(key, stream)?.dropped),
      remove: (key) => call('spool.remove', () => void this.#streams.delete(stepKeyText(key))),
      list: () => call('spool.list', () => this.keys.map(parseStepKey).filter((key) => key !== undefined)),
    };
  }
}

/** The byte at a place of a stream. */
export function outputByte({ step, attempt }: StepKey, stream: number, place: number): number {
  return 97 + ((step.charCodeAt(0) + attempt * 3 + stream * 7 + place) % 25);
}

function newStream(): Stream {
  return { size: 0, dropped: undefined };
}
