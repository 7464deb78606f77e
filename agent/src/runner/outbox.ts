import type { Clock } from '@seal/foundation';
import { bytesInFlight, isLost, newStream, type OutboxStream, rewind, streamName, streamsOf } from './outbox-stream.ts';
import type { Log } from './runner-ports.ts';
import { type OutputStream, outputStreams, type SpoolPort } from './spool-port.ts';
import { type StepKey, stepKeyText } from './step-key.ts';

/** A piece of a step's output. `droppedBytes` before it were given up because the spool is bounded. */
export interface OutputChunk extends StepKey {
  readonly stream: OutputStream;
  /** Position of `data` in the whole stream, dropped bytes included. */
  readonly offset: number;
  readonly data: Uint8Array;
  readonly droppedBytes: number;
}

export interface OutboxLimits {
  readonly chunkBytes: number;
  /** How often the output of running steps is looked at. */
  readonly intervalMs: number;
  /** Of a longer stream this much of its beginning and of its end is kept on disk. */
  readonly headBytes: number;
  readonly tailBytes: number;
}

const mebibyte = 1024 * 1024;
/** How long a stream, or a directory to be removed, is left alone after the spool failed. */
const restMs = 1000;
export const defaultOutboxLimits: OutboxLimits = {
  chunkBytes: 32 * 1024,
  intervalMs: 75,
  headBytes: 4 * mebibyte,
  tailBytes: 4 * mebibyte,
};

/**
 * Sends the output of steps out of the spool, in order, each stream from where the server has it.
 *
 * INVARIANTS:
 * - At most `windowBytes` are sent and not acknowledged, all streams together; streams take turns of one chunk, so none starves another.
 * - Only one pump runs at a time; nothing else moves `sent`, but an acknowledgement or a new session.
 * - A spool is removed only when the server has the step's outcome and all of its output that was kept.
 * - A stream whose spool fails holds up no other and is tried again; what cannot be read of a finished one in the end is said to be dropped.
 * - A running stream takes on disk at most head + 2 × tail, and what its process writes between two looks (`intervalMs`).
 */
export class Outbox {
  readonly #spool: SpoolPort;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  readonly #streams = new Map<string, OutboxStream>();
  readonly #settled = new Set<string>();
  /** Those who wait until all output of a finished step is sent, by step. */
  readonly #draining = new Map<string, Set<() => void>>();
  #send: ((chunk: OutputChunk) => void) | undefined;
  #windowBytes = 0;
  #pumping: Promise<void> = Promise.resolve();
  /** The pump that has not begun yet. */
  #next: Promise<void> | undefined;
  #timer: (() => void) | undefined;
  #stopped = false;

  constructor(spool: SpoolPort, clock: Clock, log: Log, limits: OutboxLimits = defaultOutboxLimits) {
    this.#spool = spool;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
  }

  /** A step runs: its output grows. */
  begin(key: StepKey): void {
    for (const stream of outputStreams) this.#stream(key, stream).finalBytes = undefined;
    this.#schedule();
  }

  /** Output that is there from an earlier run of the agent and grows no more, or the final sizes of a step. */
  end(key: StepKey, sizes: { readonly stdoutBytes: number; readonly stderrBytes: number }): void {
    this.#stream(key, 1).finalBytes = sizes.stdoutBytes;
    this.#stream(key, 2).finalBytes = sizes.stderrBytes;
  }

  /** The server has the step's outcome. */
  async settle(key: StepKey): Promise<void> {
    this.#settled.add(stepKeyText(key));
    await this.#removeWhenDone(key);
  }

  /** Removes output that nobody wants any more, again and again until the disk lets it. */
  async discard(key: StepKey): Promise<void> {
    try {
      await this.#spool.remove(key);
    } catch (error) {
      this.#log.warn({ ...key, err: error }, 'the output of a step cannot be removed yet');
      if (!this.#stopped) this.#clock.setTimer(restMs, () => void this.discard(key));
    }
  }

  /** A higher attempt of the step began: nobody waits for the outcomes of lower ones any more. */
  async settleBelow(key: StepKey): Promise<void> {
    const lower = [...this.#streams.values()].filter((state) => state.key.step === key.step && state.key.attempt < key.attempt);
    for (const state of lower) await this.settle(state.key);
  }

  /** A new session: everything not acknowledged is sent again. */
  connected(send: (chunk: OutputChunk) => void, windowBytes: number): Promise<void> {
    this.#send = send;
    this.#windowBytes = windowBytes;
    for (const state of this.#streams.values()) rewind(state);
    return this.pump();
  }

  disconnected(): void {
    this.#send = undefined;
    this.#wakeDrained(() => true);
  }

  /**
   * Resolves when all output of a finished step has been sent in this session, however long that takes under the window; at once without a
   * session, and when the session fails meanwhile.
   */
  async drain(key: StepKey): Promise<void> {
    const name = stepKeyText(key);
    const drained = new Promise<void>((resolve) => {
      this.#draining.set(name, (this.#draining.get(name) ?? new Set()).add(resolve));
    });
    await this.pump();
    if (!this.#send) this.#wakeDrained(() => true);
    await drained;
  }

  /**
   * The server has all of the stream before `offset`: more than this agent remembers having sent (it was restarted), or less than it once
   * acknowledged (the server is back from a backup, or says it late), which is then sent again as far as it is kept.
   */
  async acknowledge(key: StepKey, stream: OutputStream, offset: number): Promise<void> {
    const state = this.#streams.get(streamName(key, stream));
    if (!state || offset === state.acked) return;
    const lost = offset < state.acked;
    state.acked = offset;
    if (lost) rewind(state);
    state.sent = Math.max(state.sent, offset);
    while (state.inFlight[0] && state.inFlight[0].end <= offset) state.inFlight.shift();
    await this.#removeWhenDone(key);
    await this.pump();
  }

  /** Sends what can be sent now. */
  pump(): Promise<void> {
    this.#next ??= this.#pumping = this.#pumping.then(() => {
      this.#next = undefined;
      return this.#pumpOnce();
    });
    return this.#next;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.();
    this.#wakeDrained(() => true);
  }

  #wakeDrained(isDrained: (name: string) => boolean): void {
    for (const [name, waiting] of this.#draining)
      if (isDrained(name)) {
        this.#draining.delete(name);
        for (const wake of waiting) wake();
      }
  }

  #isAllSent(name: string): boolean {
    const states = streamsOf(this.#streams, name);
    return states.every(({ finalBytes, sent }) => finalBytes !== undefined && sent >= finalBytes);
  }

  async #pumpOnce(): Promise<void> {
    if (this.#stopped) return;
    const open: OutboxStream[] = [];
    for (const state of this.#streams.values()) if (await this.#tried(state, () => this.#hasMore(state))) open.push(state);
    // Acknowledgements make room while this goes on: without an end to it, one endless stream would keep outcomes and new streams waiting.
    const turns = open.length + Math.ceil(this.#windowBytes / this.#limits.chunkBytes);
    for (let turn = 0; turn < turns && open.length > 0 && this.#send; turn += 1) {
      const state = open.shift();
      if (state && (await this.#tried(state, () => this.#sendChunk(state)))) open.push(state);
    }
    if (open.length > 0 && this.#send) void this.pump();
    this.#wakeDrained((name) => this.#isAllSent(name));
    this.#schedule();
  }

  /** False where the spool fails: that stream rests. */
  async #tried(state: OutboxStream, look: () => Promise<boolean>): Promise<boolean> {
    if (state.resting) return false;
    try {
      return await look();
    } catch (error) {
      state.failures += 1;
      state.resting = true;
      const { key, stream, failures } = state;
      this.#log.error({ ...key, stream, failures, err: error }, 'the output of a step cannot be read from the spool');
      this.#clock.setTimer(restMs, () => {
        state.resting = false;
        void this.pump();
      });
      return false;
    }
  }

  async #hasMore(state: OutboxStream): Promise<boolean> {
    if (isLost(state)) return state.sent < (state.finalBytes ?? 0);
    const size = await this.#size(state);
    await this.#bound(state, size);
    return state.sent < size;
  }

  #size(state: OutboxStream): Promise<number> | number {
    return state.finalBytes ?? this.#spool.size(state.key, state.stream);
  }

  /** Sends one chunk; false when the stream has no more, the window is full or the session is gone. */
  async #sendChunk(state: OutboxStream): Promise<boolean> {
    const before = state.sent;
    if (isLost(state)) return this.#sendPiece(state, state.finalBytes ?? before, new Uint8Array());
    const room = this.#windowBytes - bytesInFlight(this.#streams.values());
    const dropped = await this.#spool.dropped(state.key, state.stream);
    const start = dropped && before >= dropped.from && before < dropped.to ? dropped.to : before;
    const size = await this.#size(state);
    const bytes = Math.min(this.#limits.chunkBytes, room, size - start);
    if (room <= 0 || before >= size || (bytes <= 0 && state.finalBytes === undefined)) return false;
    const data = bytes > 0 ? await this.#spool.read(state.key, state.stream, start, bytes) : new Uint8Array();
    // While reading, the session may have ended, begun anew, or the server may have said that it has more.
    if (!this.#send) return false;
    if (state.sent !== before) return true;
    if (data.length === 0 && state.finalBytes === undefined) return false;
    // A finished step's output that is not there any more (a loss of power took it) is said to be dropped.
    state.failures = 0;
    return this.#sendPiece(state, data.length === 0 ? (state.finalBytes ?? start) : start, data);
  }

  #sendPiece(state: OutboxStream, offset: number, data: Uint8Array): boolean {
    const { key, stream, sent: before } = state;
    if (!this.#send || offset + data.length <= before) return false;
    this.#send({ ...key, stream, offset, data, droppedBytes: offset - before });
    state.sent = offset + data.length;
    state.inFlight.push({ end: state.sent, bytes: data.length });
    this.#goLast(state);
    return true;
  }

  /** The window that the next acknowledgement opens is another stream's. */
  #goLast(state: OutboxStream): void {
    const name = streamName(state.key, state.stream);
    if (this.#streams.delete(name)) this.#streams.set(name, state);
  }

  /** Gives up the middle of a stream that grew too long; what was sent already is no loss. */
  async #bound(state: OutboxStream, size: number): Promise<void> {
    const { headBytes, tailBytes } = this.#limits;
    const from = Math.max(headBytes, (await this.#spool.dropped(state.key, state.stream))?.to ?? 0);
    if (!state.bounded || size - from <= 2 * tailBytes) return;
    try {
      await this.#spool.drop(state.key, state.stream, { from: headBytes, to: size - tailBytes });
    } catch (error) {
      state.bounded = false;
      this.#log.warn(
        { ...state.key, stream: state.stream, err: error },
        'the output of a step is not bounded on this file system',
      );
    }
  }

  async #removeWhenDone(key: StepKey): Promise<void> {
    const name = stepKeyText(key);
    const states = streamsOf(this.#streams, name);
    const done = states.every(({ finalBytes, acked }) => finalBytes !== undefined && acked >= finalBytes);
    if (!done || !this.#settled.delete(name)) return;
    for (const stream of outputStreams) this.#streams.delete(`${name}/${stream}`);
    await this.discard(key);
  }

  #stream(key: StepKey, stream: OutputStream): OutboxStream {
    const name = streamName(key, stream);
    const state = this.#streams.get(name) ?? newStream(key, stream);
    this.#streams.set(name, state);
    return state;
  }

  /** Looks again soon while a step runs; a finished one moves on with the acknowledgements. */
  #schedule(): void {
    const running = [...this.#streams.values()].some((state) => state.finalBytes === undefined);
    if (this.#timer || this.#stopped || !running) return;
    this.#timer = this.#clock.setTimer(this.#limits.intervalMs, () => {
      this.#timer = undefined;
      void this.pump();
    });
  }
}
