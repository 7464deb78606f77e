import type { Clock } from '@seal/foundation';
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
export const defaultOutboxLimits: OutboxLimits = {
  chunkBytes: 32 * 1024,
  intervalMs: 75,
  headBytes: 4 * mebibyte,
  tailBytes: 4 * mebibyte,
};

interface StreamState {
  readonly key: StepKey;
  readonly stream: OutputStream;
  /** The server has everything before this offset. */
  acked: number;
  /** Everything before this offset was sent in this session, or acknowledged. */
  sent: number;
  readonly inFlight: { readonly end: number; readonly bytes: number }[];
  /** Undefined while the step runs. */
  finalBytes: number | undefined;
  bounded: boolean;
}

/**
 * Sends the output of steps out of the spool, in order, each stream from where the server has it.
 *
 * INVARIANTS:
 * - At most `windowBytes` are sent and not acknowledged, all streams together; streams take turns of one chunk, so none starves another.
 * - Only one pump runs at a time; nothing else moves `sent`, but an acknowledgement or a new session.
 * - A spool is removed only when the server has the step's outcome and all of its output that was kept.
 * - A running stream takes on disk at most head + 2 × tail, and what its process writes between two looks (`intervalMs`).
 */
export class Outbox {
  readonly #spool: SpoolPort;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  readonly #streams = new Map<string, StreamState>();
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

  /** A higher attempt of the step began: nobody waits for the outcomes of lower ones any more. */
  async settleBelow(key: StepKey): Promise<void> {
    const lower = [...this.#streams.values()].filter((state) => state.key.step === key.step && state.key.attempt < key.attempt);
    for (const state of lower) await this.settle(state.key);
  }

  /** A new session: everything not acknowledged is sent again. */
  connected(send: (chunk: OutputChunk) => void, windowBytes: number): Promise<void> {
    this.#send = send;
    this.#windowBytes = windowBytes;
    for (const state of this.#streams.values()) this.#rewind(state);
    return this.pump();
  }

  disconnected(): void {
    this.#send = undefined;
    this.#wakeDrained(() => true);
  }

  /**
   * Resolves when all output of a finished step has been sent in this session, however long that takes under the window; at once without a
   * session, and when the session or the spool fails meanwhile.
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
    const state = this.#streams.get(`${stepKeyText(key)}/${stream}`);
    if (!state || offset === state.acked) return;
    const lost = offset < state.acked;
    state.acked = offset;
    if (lost) this.#rewind(state);
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
    const states = outputStreams.map((stream) => this.#streams.get(`${name}/${stream}`));
    return states.every((state) => !state || (state.finalBytes !== undefined && state.sent >= state.finalBytes));
  }

  async #pumpOnce(): Promise<void> {
    if (this.#stopped) return;
    try {
      const open: StreamState[] = [];
      for (const state of this.#streams.values()) if (await this.#hasMore(state)) open.push(state);
      // Acknowledgements make room while this goes on: without an end to it, one endless stream would keep outcomes and new streams waiting.
      const turns = open.length + Math.ceil(this.#windowBytes / this.#limits.chunkBytes);
      for (let turn = 0; turn < turns && open.length > 0 && this.#send; turn += 1) {
        const state = open.shift();
        if (state && (await this.#sendChunk(state))) open.push(state);
      }
      if (open.length > 0 && this.#send) void this.pump();
      this.#wakeDrained((name) => this.#isAllSent(name));
    } catch (error) {
      this.#log.error({ err: error }, 'the output of steps cannot be read from the spool');
      this.#wakeDrained(() => true);
    }
    this.#schedule();
  }

  async #hasMore(state: StreamState): Promise<boolean> {
    const size = await this.#size(state);
    await this.#bound(state, size);
    return state.sent < size;
  }

  #size(state: StreamState): Promise<number> | number {
    return state.finalBytes ?? this.#spool.size(state.key, state.stream);
  }

  /** Sends one chunk; false when the stream has no more, the window is full or the session is gone. */
  async #sendChunk(state: StreamState): Promise<boolean> {
    const before = state.sent;
    const room = this.#windowBytes - this.#inFlightBytes();
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
    const offset = data.length === 0 ? (state.finalBytes ?? start) : start;
    this.#send({ ...state.key, stream: state.stream, offset, data, droppedBytes: offset - before });
    state.sent = offset + data.length;
    state.inFlight.push({ end: state.sent, bytes: data.length });
    this.#goLast(state);
    return true;
  }

  /** The window that the next acknowledgement opens is another stream's. */
  #goLast(state: StreamState): void {
    const name = `${stepKeyText(state.key)}/${state.stream}`;
    if (this.#streams.delete(name)) this.#streams.set(name, state);
  }

  /** Gives up the middle of a stream that grew too long; what was sent already is no loss. */
  async #bound(state: StreamState, size: number): Promise<void> {
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

  #inFlightBytes(): number {
    let bytes = 0;
    for (const { inFlight } of this.#streams.values()) for (const chunk of inFlight) bytes += chunk.bytes;
    return bytes;
  }

  async #removeWhenDone(key: StepKey): Promise<void> {
    const name = stepKeyText(key);
    const states = outputStreams.map((stream) => this.#streams.get(`${name}/${stream}`));
    const done = states.every((state) => !state || (state.finalBytes !== undefined && state.acked >= state.finalBytes));
    if (!done || !this.#settled.delete(name)) return;
    for (const stream of outputStreams) this.#streams.delete(`${name}/${stream}`);
    await this.#spool.remove(key);
  }

  #rewind(state: StreamState): void {
    state.sent = state.acked;
    state.inFlight.length = 0;
  }

  #stream(key: StepKey, stream: OutputStream): StreamState {
    const name = `${stepKeyText(key)}/${stream}`;
    const known = this.#streams.get(name);
    if (known) return known;
    const { step, attempt } = key;
    const state: StreamState = {
      key: { step, attempt },
      stream,
      acked: 0,
      sent: 0,
      inFlight: [],
      finalBytes: undefined,
      bounded: true,
    };
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
