import type { agentProto } from '@seal/protocol';
import type { OperationLog } from '../operation/operation-log.ts';
import type { Store } from '../store/store.ts';

/**
 * Takes the output chunks of one session, in order, each byte once.
 *
 * INVARIANTS: per (step, attempt, stream) the accepted bytes have no gap that a chunk did not declare (`droppedBytes`) and no overlap;
 * what was stored by an earlier session or an earlier life of the server is not stored again. After a failed write nothing more is taken:
 * what follows would leave a hole.
 */
export class OutputReceiver {
  readonly #log: OperationLog;
  readonly #store: Store;
  /** End of what is stored or about to be, per stream. */
  readonly #ends = new Map<string, Promise<number>>();
  #tail: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(log: OperationLog, store: Store) {
    this.#log = log;
    this.#store = store;
  }

  /** Stores what is new of a chunk; resolves, when that is durable, with the offset to acknowledge. */
  take(operation: string, chunk: agentProto.StepOutput): Promise<number> {
    const key = `${chunk.step}/${chunk.attempt}/${chunk.stream}`;
    const known = this.#ends.get(key) ?? this.#store.outputEnd(chunk.step, chunk.attempt, chunk.stream);
    let stored: Promise<void> = Promise.resolve();
    const next = known.then((end) => {
      if (this.#failure) throw this.#failure.error;
      const chunkEnd = chunk.offset + chunk.data.byteLength;
      const gap = chunk.offset - end;
      // A duplicate, or a hole that the agent did not declare: the acknowledgement of `end` makes it go on from there.
      if (chunkEnd <= end || gap > chunk.droppedBytes) return end;
      stored = this.#log.appendOutput({
        operation,
        step: chunk.step,
        attempt: chunk.attempt,
        stream: chunk.stream,
        offset: Math.max(chunk.offset, end),
        data: gap < 0 ? chunk.data.subarray(-gap) : chunk.data,
        droppedBytes: Math.max(0, gap),
      });
      stored.catch((error: unknown) => {
        this.#failure ??= { error };
      });
      return chunkEnd;
    });
    this.#ends.set(key, next);
    const durable = next.then((end) => stored.then(() => end));
    this.#tail = Promise.allSettled([this.#tail, durable]);
    return durable;
  }

  /** Resolves when everything taken so far is durable; rejects with the failure of the write that was not. */
  async settled(): Promise<void> {
    await this.ended();
    if (this.#failure) throw this.#failure.error;
  }

  /** Resolves when everything taken so far is durable or has failed. */
  async ended(): Promise<void> {
    await this.#tail;
  }
}
