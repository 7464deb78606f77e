import type { FaultKind } from './faults.ts';
import type { Simulated } from './simulate.ts';

/** What a row of worlds has seen, in numbers. */
export class Tally {
  readonly #startedAt = performance.now();
  readonly #ends = new Map<string, number>();
  readonly #injected = new Map<FaultKind, number>();
  #worlds = 0;
  #events = 0;

  add({ events, statuses, injected }: Simulated): void {
    this.#worlds += 1;
    this.#events += events;
    for (const status of statuses) this.#ends.set(status, (this.#ends.get(status) ?? 0) + 1);
    for (const [kind, count] of injected) this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + count);
  }

  /** "2000 seeds, 17.3 s (115 seeds/s, 900 events each)". */
  get line(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = (this.#worlds / seconds).toFixed(0);
    return `${this.#worlds} seeds, ${seconds.toFixed(1)} s (${rate} seeds/s, ${Math.round(this.#events / this.#worlds)} events each)`;
  }

  /** Ends of operations: "3 CANCELLED, 8 FAILED". */
  get statuses(): string {
    return listed(this.#ends);
  }

  /** Faults that happened, the most frequent first. */
  get faults(): string {
    return listed(this.#injected);
  }
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
