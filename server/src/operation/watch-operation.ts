import type { OperationEvent, Plan } from '@seal/plan';
import type { Store, StoredOutput, StoredOutputRow } from '../store/store.ts';
import type { OperationLog } from './operation-log.ts';

const rowsAtOnce = 64;

export type WatchItem = { readonly plan: Plan } | { readonly event: OperationEvent } | { readonly output: StoredOutput };

export interface WatchOptions {
  /** First event wanted, from 1. */
  readonly fromSeq: number;
  readonly outputs: boolean;
  /** False: ends after what is there now. */
  readonly follow: boolean;
  readonly gone: AbortSignal;
}

/**
 * An operation as it was and as it goes on: first the plan, then events in order without gaps, each piece of output between the two events
 * between which it was taken. Everybody who watches sees the same, whenever they begin. Ends when the operation has finished and everything
 * was sent. Problem: OPERATION_NOT_FOUND.
 */
export async function* watchOperation(
  log: OperationLog,
  store: Store,
  id: string,
  options: WatchOptions,
): AsyncGenerator<WatchItem> {
  const news = new News();
  const unsubscribe = log.subscribe(id, () => news.arrived());
  options.gone.addEventListener('abort', () => news.arrived(), { once: true });
  try {
    yield { plan: (await log.read(id)).plan };
    const reader = new Reader(store, id, options);
    while (!options.gone.aborted) {
      news.reset();
      const { finishedAt, seq: known } = (await log.read(id)).view;
      const fresh = await reader.events();
      yield* reader.through(fresh);
      // Memory runs ahead of the store: the end is the end only when everything up to it was read from there.
      const ended = finishedAt !== undefined && reader.seq >= known && !isResumedIn(fresh);
      if (!options.follow || ended) return;
      await news.wait();
    }
  } finally {
    unsubscribe();
  }
}

/** It may have been resumed, and have ended again, since it was looked at. */
function isResumedIn(events: readonly OperationEvent[]): boolean {
  const last = (type: OperationEvent['type']) => events.findLastIndex((event) => event.type === type);
  return last('resume-requested') > last('operation-finished');
}

/** Events and outputs of an operation, in the one order that they have. */
class Reader {
  readonly #store: Store;
  readonly #operation: string;
  readonly #options: WatchOptions;
  readonly #gaps = new Gaps();
  #row = 0;
  /** Of the last event that was told. */
  seq: number;

  constructor(store: Store, operation: string, options: WatchOptions) {
    this.#store = store;
    this.#operation = operation;
    this.#options = options;
    this.seq = Math.max(0, options.fromSeq - 1);
  }

  events(): Promise<OperationEvent[]> {
    return this.#store.events(this.#operation, this.seq);
  }

  /** Tells these events and all output that comes before, between and, so far, after them. */
  async *through(events: readonly OperationEvent[]): AsyncGenerator<WatchItem> {
    let rest = events;
    for (let hasMore = this.#options.outputs; hasMore; ) {
      hasMore = false;
      for await (const { afterSeq, output } of this.#outputs()) {
        // Taken since the events were read, after one of a later batch: output that lies before these may have come meanwhile too.
        if (afterSeq > (rest.at(-1)?.seq ?? this.seq)) {
          rest = await this.events();
          hasMore = true;
        }
        const before = rest.filter((event) => event.seq <= afterSeq);
        rest = rest.slice(before.length);
        yield* this.#told(before);
        yield { output: this.#gaps.tell(output) };
      }
    }
    yield* this.#told(rest);
  }

  *#told(events: readonly OperationEvent[]): Generator<WatchItem> {
    for (const event of events) {
      this.seq = event.seq;
      yield { event };
    }
  }

  async *#outputs(): AsyncGenerator<StoredOutputRow> {
    while (!this.#options.gone.aborted) {
      const rows = await this.#store.outputs(this.#operation, this.#row, rowsAtOnce);
      for (const row of rows) {
        this.#row = row.row;
        yield row;
      }
      if (rows.length < rowsAtOnce) return;
    }
  }
}

/** Says of each piece of output what is missing before it: dropped by the agent, or given up in the store since. */
class Gaps {
  readonly #ends = new Map<string, number>();

  tell(output: StoredOutput): StoredOutput {
    const key = `${output.step}/${output.attempt}/${output.stream}`;
    const droppedBytes = output.offset - (this.#ends.get(key) ?? 0);
    this.#ends.set(key, output.offset + output.data.byteLength);
    return { ...output, droppedBytes };
  }
}

/** Remembers that something arrived since the last reset, so that no wake-up is lost between reading and waiting. */
class News {
  #arrived = false;
  #wake: (() => void) | undefined;

  arrived(): void {
    this.#arrived = true;
    this.#wake?.();
  }

  reset(): void {
    this.#arrived = false;
  }

  async wait(): Promise<void> {
    if (this.#arrived) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
