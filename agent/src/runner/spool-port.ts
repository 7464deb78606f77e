import type { StepKey } from './step-key.ts';

/** 1 stdout, 2 stderr: as in the protocol. */
export type OutputStream = 1 | 2;
export const outputStreams: readonly OutputStream[] = [1, 2];

/** Bytes of a stream that were dropped: [from, to). */
export interface DroppedRange {
  readonly from: number;
  readonly to: number;
}

/** Output of steps on the agent's disk. Offsets are those of the whole stream, dropped bytes included. */
export interface SpoolPort {
  /** Makes room for a step's output; output that is there already stays. Problem: SPOOL_FAILED. */
  create(key: StepKey): Promise<void>;
  /** Output of a step that runs inside the agent. */
  append(key: StepKey, stream: OutputStream, data: Uint8Array): Promise<void>;
  /** Bytes written to the stream so far; 0 for a step that has no spool. */
  size(key: StepKey, stream: OutputStream): Promise<number>;
  /** At most `maxBytes` from `offset`; fewer at the end or before a dropped range. */
  read(key: StepKey, stream: OutputStream, offset: number, maxBytes: number): Promise<Uint8Array>;
  /** Gives the disk space of [from, to) back. Ranges of one stream grow: an older one touches or lies inside the newer. */
  drop(key: StepKey, stream: OutputStream, range: DroppedRange): Promise<void>;
  dropped(key: StepKey, stream: OutputStream): Promise<DroppedRange | undefined>;
  remove(key: StepKey): Promise<void>;
  /** Every step that has a spool. */
  list(): Promise<StepKey[]>;
}
