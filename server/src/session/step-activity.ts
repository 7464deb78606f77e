import type { Clock } from '@seal/foundation';

/** When something was last heard of each step in flight. In memory: a new life of the server begins to count anew when an agent comes back. */
export class StepActivity {
  readonly #clock: Clock;
  readonly #heardAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(step: string): void {
    this.#heardAt.set(step, this.#clock.now());
  }

  ended(step: string): void {
    this.#heardAt.delete(step);
  }

  at(step: string): number | undefined {
    return this.#heardAt.get(step);
  }
}
