import { Problem } from '@seal/foundation';
import type { OperationEvent } from '@seal/plan';
import { type WatchItem, watchOperation } from '../../server/src/operation/watch-operation.ts';
import type { StoredOutput } from '../../server/src/store/store.ts';
import { isDone } from './observed-operation.ts';
import type { ServerLife } from './server-life.ts';
import type { World } from './world.ts';

/** How often somebody who was cut off watches again, ms. */
const againMs = 1000;

/**
 * Somebody who watches an operation from the first event to its end, and again when its server died. Sees every event once and in order, all
 * of a step's output before the step's end, and the end of the operation.
 */
export class Watcher {
  readonly #world: World;
  readonly #id: string;
  /** The event seen last. */
  #seq = 0;
  /** Of the present watch; one that was cut off says nothing any more. */
  #watching: object | undefined;
  #outputEnds = new Map<string, number>();

  constructor(world: World, id: string) {
    this.#world = world;
    this.#id = id;
  }

  /** What it has not seen; undefined when it knows the end. */
  get missing(): string | undefined {
    const seq = this.#view?.seq;
    return seq === undefined || seq === this.#seq ? undefined : `a watcher of ${this.#id} has seen event ${this.#seq} of ${seq}`;
  }

  get #view() {
    return this.#world.observer.log.operations.find(({ id }) => id === this.#id)?.view;
  }

  /** Begins (again) soon, unless it watches. */
  begin(): void {
    this.#world.time.after(againMs, () => {
      const server = this.#world.newestServer();
      const view = this.#view;
      // Nothing is to come, or the operation is gone with the server's disk.
      if (this.#watching || !view || (view.finishedAt !== undefined && !this.missing)) return;
      if (!server?.parts) {
        this.begin();
        return;
      }
      const watch = {};
      this.#watching = watch;
      this.#outputEnds = new Map();
      server.life.onEnd(() => this.#end(watch));
      server.life.whenAwake(() =>
        this.#watch(server, watch).then(
          () => this.#end(watch),
          (error: unknown) => {
            this.#world.note('watcher', `is cut off: ${Problem.from(error).code}`);
            this.#end(watch);
          },
        ),
      );
    });
  }

  /** It watches no more what it watched, and begins again. */
  cutOff(): void {
    this.#watching = undefined;
    this.begin();
  }

  /** The server lost its disk: what was seen may never have happened. */
  startOver(): void {
    this.#seq = 0;
    this.cutOff();
  }

  #end(watch: object): void {
    if (this.#watching !== watch) return;
    this.#watching = undefined;
    this.begin();
  }

  async #watch({ parts }: ServerLife, watch: object): Promise<void> {
    if (!parts) return;
    const options = { fromSeq: this.#seq + 1, outputs: true, follow: true, gone: new AbortController().signal };
    for await (const item of watchOperation(parts.log, parts.store, this.#id, options)) {
      if (this.#watching !== watch) return;
      this.#see(item);
    }
    if (this.missing && this.#watching === watch) this.#world.note('watcher', `ended, ${this.missing}`);
  }

  #see(item: WatchItem): void {
    if ('event' in item) this.#event(item.event);
    else if ('output' in item) this.#output(item.output);
  }

  #event(event: OperationEvent): void {
    if (event.seq !== this.#seq + 1)
      this.#world.violated('watch', `a watcher of ${this.#id} sees event ${event.seq} after ${this.#seq}`);
    this.#seq = event.seq;
    if (event.type === 'step-finished') this.#stepEnds(event.step, event.attempt);
  }

  /** Of the attempts that the log still holds as ended this way. */
  #stepEnds(step: string, attempt: number): void {
    const { log } = this.#world.observer;
    const state = log.ofStep(step)?.state;
    if (!state || state.attempt !== attempt || !isDone(state)) return;
    for (const stream of [1, 2]) {
      const name = `${step}.${attempt}/${stream}`;
      const seen = this.#outputEnds.get(name) ?? 0;
      if (seen < log.outputEnd(name))
        this.#world.violated('watch', `a watcher sees the end of ${name} after ${seen} of ${log.outputEnd(name)} bytes`);
    }
  }

  #output({ step, attempt, stream, offset, data, droppedBytes }: StoredOutput): void {
    const name = `${step}.${attempt}/${stream}`;
    const end = this.#outputEnds.get(name) ?? 0;
    if (offset !== end + droppedBytes)
      this.#world.violated('watch', `a watcher sees bytes of ${name} at ${offset} after those before ${end}`);
    this.#outputEnds.set(name, offset + data.length);
  }
}
