import { type OutputStream, outputStreams } from './spool-port.ts';
import { type StepKey, stepKeyText } from './step-key.ts';

/** How often a stream's spool may fail, one time after the other, before what is left of a finished stream is given up. */
const mostFailures = 10;

/** One stream of a step's output on its way to the server. */
export interface OutboxStream {
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
  /** How often its spool has failed since it last gave something. */
  failures: number;
  /** After a failure, for a moment: it is not looked at. */
  resting: boolean;
}

export function newStream({ step, attempt }: StepKey, stream: OutputStream): OutboxStream {
  const nothing = { acked: 0, sent: 0, inFlight: [], finalBytes: undefined };
  return { key: { step, attempt }, stream, ...nothing, bounded: true, failures: 0, resting: false };
}

/** Everything not acknowledged is to be sent again. */
export function rewind(state: OutboxStream): void {
  state.sent = state.acked;
  state.inFlight.length = 0;
}

/** True when what is left of it cannot be read: it is said to be dropped. */
export function isLost({ finalBytes, failures }: OutboxStream): boolean {
  return finalBytes !== undefined && failures >= mostFailures;
}

export function streamName(key: StepKey, stream: OutputStream): string {
  return `${stepKeyText(key)}/${stream}`;
}

/** Both streams of a step, by its name (`stepKeyText`), as far as they are known. */
export function streamsOf(streams: ReadonlyMap<string, OutboxStream>, name: string): OutboxStream[] {
  return outputStreams.flatMap((stream) => streams.get(`${name}/${stream}`) ?? []);
}

/** Bytes sent and not acknowledged, all streams together. */
export function bytesInFlight(streams: Iterable<OutboxStream>): number {
  let bytes = 0;
  for (const { inFlight } of streams) for (const chunk of inFlight) bytes += chunk.bytes;
  return bytes;
}
