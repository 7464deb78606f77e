import type { Clock } from '@seal/foundation';

/** When something was last heard of each attempt in flight: an earlier one's silence is not that of the next. In memory: a new life of the server begins to count anew when an agent comes back. */
export class StepActivity {
  readonly #clock: Clock;
  readonly #heard = new Map<string, { readonly attempt: number; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(step: string, attempt: number): void {
    this.#heard.set(step, { attempt, at: this.#clock.now() });
  }

  ended(step: string): void {
    this.#heard.delete(step);
  }

  at(step: string, attempt: number): number | undefined {
    const heard = this.#heard.get(step);
    return heard?.attempt === attempt ? heard.at : undefined;
  }
}
