import type { agentProto } from '@seal/protocol';
import type { OperationLog } from '../operation/operation-log.ts';
import type { OutputRange, Store } from '../store/store.ts';

/** Of a longer stream its first `headBytes` and at least its last `tailBytes` stay stored, at most twice as many. */
export interface StoredOutputLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
}

const mebibyte = 1024 * 1024;
const defaultLimits: StoredOutputLimits = { headBytes: mebibyte, tailBytes: 2 * mebibyte };

/** Three heartbeats: with each an agent says again what was not acknowledged. */
const askMs = 30_000;

type StreamKey = Pick<agentProto.StepOutput, 'step' | 'attempt' | 'stream'>;

/** Where a stream ends, and when everything before that is durable. */
interface Stored {
  readonly end: number;
  readonly written: Promise<void>;
}

/**
 * Takes the output chunks of one session, in order, each byte once.
 *
 * INVARIANTS: per (step, attempt, stream) the accepted bytes have no gap that a chunk did not declare (`droppedBytes`) and no overlap;
 * what was stored by an earlier session or an earlier life of the server is not stored again. After a failed write nothing more is taken:
 * what follows would leave a hole. A step that writes without end takes at most head + 2 × tail and a chunk of each in the store; its agent
 * is acknowledged everything.
 */
export class OutputReceiver {
  readonly #log: OperationLog;
  readonly #store: Store;
  readonly #limits: StoredOutputLimits;
  /** What is stored or about to be, per stream. */
  readonly #streams = new Map<string, Promise<Stored>>();
  /** When the agent was first asked for output of a step (step/attempt) that is missing, ms. */
  readonly #askedAt = new Map<string, number>();
  #tail: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(log: OperationLog, store: Store, limits = defaultLimits) {
    this.#limits = limits;
    this.#log = log;
    this.#store = store;
  }

  /** Stores what is new of a chunk; resolves, when that is durable, with the offset to acknowledge. */
  take(operation: string, chunk: agentProto.StepOutput): Promise<number> {
    const key = `${chunk.step}/${chunk.attempt}/${chunk.stream}`;
    const next = (this.#streams.get(key) ?? this.#storedBefore(chunk)).then((known): Stored => {
      const { end } = known;
      if (this.#failure) throw this.#failure.error;
      const chunkEnd = endOf(chunk);
      const gap = chunk.offset - end;
      // A duplicate, or a hole that the agent did not declare: the acknowledgement of `end` makes it go on from there.
      if (chunkEnd <= end || gap > chunk.droppedBytes) return known;
      const { step, attempt, stream } = chunk;
      const offset = Math.max(chunk.offset, end);
      const data = gap < 0 ? chunk.data.subarray(-gap) : chunk.data;
      const output = { operation, step, attempt, stream, offset, data, droppedBytes: Math.max(0, gap) };
      const written = this.#log.appendOutput(output, this.#givenUp(chunk, end, chunkEnd));
      written.catch((error: unknown) => {
        this.#failure ??= { error };
      });
      return { end: chunkEnd, written };
    });
    this.#streams.set(key, next);
    // A duplicate too is acknowledged only when what it repeats is durable.
    const durable = next.then(({ end, written }) => written.then(() => end));
    this.#tail = Promise.allSettled([this.#tail, durable]);
    return durable;
  }

  async #storedBefore({ step, attempt, stream }: StreamKey): Promise<Stored> {
    return { end: await this.#store.outputEnd(step, attempt, stream), written: Promise.resolve() };
  }

  async #endOf(key: StreamKey): Promise<number> {
    const stored = await (this.#streams.get(`${key.step}/${key.attempt}/${key.stream}`) ?? this.#storedBefore(key));
    return stored.end;
  }

  /** The middle of a stream that has just grown by another tail. Depends on offsets alone, so every life of the server gives up the same. */
  #givenUp({ step, attempt, stream }: agentProto.StepOutput, before: number, after: number): OutputRange | undefined {
    const { headBytes, tailBytes } = this.#limits;
    const tails = (end: number) => Math.floor((end - headBytes) / tailBytes);
    if (tails(after) < 2 || tails(after) === tails(before)) return undefined;
    return { step, attempt, stream, from: headBytes, to: headBytes + (tails(after) - 1) * tailBytes };
  }

  /**
   * Of a step that has ended, the streams of which its agent says to have more than was taken, with where they end here. None any more 30 s
   * after they were first told: an agent that has lost that output is not asked for ever.
   */
  async shortOf(finished: agentProto.StepFinished, now: number): Promise<{ readonly stream: number; readonly offset: number }[]> {
    const { step, attempt, stdoutBytes, stderrBytes } = finished;
    const short: { stream: number; offset: number }[] = [];
    for (const [stream, bytes] of [[1, stdoutBytes] as const, [2, stderrBytes] as const]) {
      const offset = bytes > 0 ? await this.#endOf({ step, attempt, stream }) : 0;
      if (offset < bytes) short.push({ stream, offset });
    }
    if (short.length === 0) return [];
    const askedAt = this.#askedAt.get(`${step}/${attempt}`) ?? now;
    this.#askedAt.set(`${step}/${attempt}`, askedAt);
    return now - askedAt < askMs ? short : [];
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

/** Where the stream ends with this chunk. */
export function endOf({ offset, data }: agentProto.StepOutput): number {
  return offset + data.byteLength;
}
