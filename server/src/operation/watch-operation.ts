import type { OperationEvent, Plan } from '@seal/plan';
import type { Store, StoredOutput } from '../store/store.ts';
import type { OperationLog } from './operation-log.ts';

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
 * An operation as it was and as it goes on: first the plan, then events in order without gaps, each step's output before the event that
 * finishes the step. Ends when the operation has finished and everything was sent. Problem: OPERATION_NOT_FOUND.
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
    let seq = Math.max(0, options.fromSeq - 1);
    let row = 0;
    const gaps = new Gaps();
    while (!options.gone.aborted) {
      news.reset();
      const { finishedAt, seq: known } = (await log.read(id)).view;
      const fresh = await store.events(id, seq);
      const firstEnd = fresh.findIndex((event) => event.type.endsWith('-finished'));
      const before = firstEnd < 0 ? fresh : fresh.slice(0, firstEnd);
      for (const event of before) yield { event };
      if (options.outputs)
        for (;;) {
          const rows = await store.outputs(id, row, 64);
          for (const entry of rows) yield { output: gaps.tell(entry.output) };
          row = rows.at(-1)?.row ?? row;
          if (rows.length < 64) break;
        }
      for (const event of fresh.slice(before.length)) yield { event };
      seq = fresh.at(-1)?.seq ?? seq;
      // Memory runs ahead of the store: the end is the end only when everything up to it was read from there.
      const ended = finishedAt !== undefined && seq >= known && !fresh.some((event) => event.type === 'resume-requested');
      if (!options.follow || ended) return;
      await news.wait();
    }
  } finally {
    unsubscribe();
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
