import type { Clock } from '@seal/foundation';
import type { FaultKind } from './faults.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

export interface LifeOptions {
  readonly name: string;
  readonly prng: Prng;
  /** The fault that kills this process at one of its port calls. */
  readonly fault: FaultKind;
  /** Its wall clock. */
  readonly wallClock: () => number;
}

/** Something that is under way in the kernel when its process is killed. */
export interface Interrupted {
  /** What of it happens all the same. Default: all or nothing. */
  readonly killed?: () => void;
  /** Thrown instead of doing it. */
  readonly refuse?: () => Error | undefined;
}

/**
 * One life of a process, from its start to its end, in the hands of the world: every call of a port passes here. A process that is killed
 * notices nothing: what it waits for never comes, and what it does from then on touches nothing.
 */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  readonly #world: World;
  readonly #options: LifeOptions;
  readonly #underWay = new Set<() => void>();
  readonly #onEnd: (() => void)[] = [];
  readonly #onThaw: (() => void)[] = [];
  #frozenUntil = 0;
  #alive = true;

  constructor(world: World, options: LifeOptions) {
    this.#world = world;
    this.#options = options;
    this.name = options.name;
    this.clock = {
      now: options.wallClock,
      setTimer: (milliseconds, callback) => {
        let wanted = true;
        this.#world.time.after(milliseconds, () => this.whenAwake(() => wanted && callback()));
        return () => {
          wanted = false;
        };
      },
    };
  }

  /** Stopped, and alive: nothing of it goes on before this time, ms. */
  get frozenUntil(): number {
    return this.#frozenUntil;
  }

  get isFrozen(): boolean {
    return this.#alive && this.#world.time.now < this.#frozenUntil;
  }

  freeze(milliseconds: number): void {
    if (!this.#alive) return;
    this.#world.note(this.name, `is frozen for ${milliseconds} ms`);
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.time.now + milliseconds);
    this.#world.time.after(this.#frozenUntil - this.#world.time.now, () => {
      for (const callback of this.#onThaw) callback();
    });
  }

  /** Calls back each time that it goes on. */
  onThaw(callback: () => void): void {
    this.#onThaw.push(callback);
  }

  /** Lets it do something as soon as it goes on; never when it has ended. */
  whenAwake(action: () => void): void {
    if (this.isFrozen) this.#world.time.after(this.#frozenUntil - this.#world.time.now, () => this.whenAwake(action));
    else if (this.#alive) action();
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Calls back once, when this life has ended; soon, when it has. */
  onEnd(callback: () => void): void {
    if (this.#alive) this.#onEnd.push(callback);
    else this.#world.time.after(0, callback);
  }

  /** A call of a port: takes its time, may be refused, may be where this process is killed. */
  call<T>(port: string, perform: () => T | Promise<T>, { killed, refuse }: Interrupted = {}): Promise<T> {
    const { prng } = this.#options;
    return new Promise((resolve, reject) => {
      if (!this.point(port)) return;
      const done = () => {
        if (!this.#underWay.delete(interrupt)) return;
        const refusal = refuse?.();
        try {
          if (refusal) reject(refusal);
          else resolve(perform());
        } catch (error) {
          reject(error);
        }
        // What was done is done, but the one who asked never hears of it.
        this.point(`after ${port}`);
      };
      const interrupt = killed ?? (() => void (prng.chance(0.5) && this.#performUnheard(perform)));
      this.#underWay.add(interrupt);
      if (prng.chance(0.4)) done();
      else this.#world.time.after(this.#duration(), () => this.whenAwake(done));
    });
  }

  /** A place in a call that takes no time. False when this process is dead, or is killed right here. */
  point(port: string): boolean {
    if (this.#alive && this.#world.faults.happens(this.#options.fault)) this.end(`killed at ${port}`);
    return this.#alive;
  }

  /** Runs `callback` a little later. */
  defer(callback: () => void): void {
    this.clock.setTimer(this.#options.prng.pick([0, 0, 1, 3]), callback);
  }

  end(how: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#world.note(this.name, how);
    for (const interrupt of this.#underWay) interrupt();
    this.#underWay.clear();
    for (const callback of this.#onEnd) callback();
  }

  /** Nobody is left to hear how it went. */
  #performUnheard(perform: () => unknown): void {
    new Promise((resolve) => resolve(perform())).catch((error) => this.#world.note(this.name, `unheard: ${error}`));
  }

  #duration(): number {
    const { prng } = this.#options;
    return this.#world.faults.happens('slow-call') ? prng.int(500, 8000) : prng.pick([0, 0, 1, 2, 5, 12]);
  }
}
