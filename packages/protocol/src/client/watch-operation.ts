import { type Client, type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Clock, Problem, sleep, systemClock } from '@seal/foundation';
import type { OperationEvent, Plan } from '@seal/plan';
import { OperationServiceService, type OutputChunk, type WatchOperationReply } from '../gen/seal/v1/operation.ts';
import { eventFromWire } from '../wire/event-wire.ts';
import { planFromWire } from '../wire/plan-wire.ts';
import { newBytesOnly } from './new-bytes-only.ts';
import { problemFromStatus, sentProblem } from './problem-from-status.ts';

export interface WatchOptions {
  /** Default true. False: end after what is there now. */
  readonly follow?: boolean;
  /** Default false. */
  readonly outputs?: boolean;
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal;
  /** Called once each time the connection is lost, before the first new attempt. */
  readonly onConnectionLost?: (problem: Problem) => void;
  readonly onConnectionBack?: () => void;
  /** Be as patient before the first answer as after it: the operation is known to be there. Default false. */
  readonly patientFromStart?: boolean;
  /** How long to try again before giving up. Default 600. */
  readonly patienceSeconds?: number;
  readonly clock?: Clock;
}

export type WatchItem =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'event'; readonly event: OperationEvent }
  /** No byte of a step's output is given twice; `data` may end in the middle of a character. */
  | { readonly kind: 'output'; readonly output: OutputChunk };

type Stream = ClientReadableStream<WatchOperationReply>;

/**
 * The plan (once, first), every event (once, in order) and the outputs of an operation.
 * A cut stream is opened again from the next event on; what comes twice is passed over. Ends when the operation has finished.
 * Problems: those of the server; SERVER_UNREACHABLE at once when it cannot be reached at the start, later after `patienceSeconds`.
 */
export async function* watchOperation(
  client: Client,
  target: string,
  operation: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchItem, void, undefined> {
  const { follow = true, outputs = false, signal, clock = systemClock, patienceSeconds = 600 } = options;
  const progress = { planSeen: false, nextSeq: 1, finished: false, newBytes: newBytesOnly() };
  let lostAt: number | undefined;
  for (let attempt = 0; !signal?.aborted; attempt += 1) {
    const stream = openStream(client, { id: operation, fromSeq: progress.nextSeq, outputs, follow });
    const cancel = () => stream.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const reply of stream as AsyncIterable<WatchOperationReply>) {
        if (lostAt !== undefined) options.onConnectionBack?.();
        lostAt = undefined;
        attempt = 0;
        const item = newItem(progress, reply);
        if (item) yield item;
      }
      if (!follow || progress.finished) return;
      lostAt = noteLoss(lostAt, clock, options, problemFromStatus(endedEarly(), target));
    } catch (error) {
      if (signal?.aborted) return;
      const lost = isLostConnection(error as ServiceError);
      const problem = lost ? lostConnection(error as ServiceError, target) : problemFromStatus(error as ServiceError, target);
      if (!lost || (!progress.planSeen && !options.patientFromStart)) throw problem;
      lostAt = noteLoss(lostAt, clock, options, problem);
      if (clock.now() - lostAt > patienceSeconds * 1000) throw gaveUp(problem, operation, patienceSeconds);
    } finally {
      signal?.removeEventListener('abort', cancel);
      stream.cancel();
    }
    // 0.2 s, doubling, at most 3 s.
    await sleep(clock, Math.min(3000, 200 * 2 ** attempt), signal).catch((reason: unknown) => {
      if (!signal?.aborted) throw reason;
    });
  }
}

function openStream(client: Client, request: { id: string; fromSeq: number; outputs: boolean; follow: boolean }): Stream {
  const { path, requestSerialize, responseDeserialize } = OperationServiceService.watchOperation;
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), {});
  // The iterator reports errors; one that comes after the iterator was left must not end the process.
  stream.on('error', () => undefined);
  return stream;
}

interface Progress {
  planSeen: boolean;
  nextSeq: number;
  finished: boolean;
  readonly newBytes: (chunk: OutputChunk) => OutputChunk | undefined;
}

function newItem(progress: Progress, reply: WatchOperationReply): WatchItem | undefined {
  if (reply.plan && !progress.planSeen) {
    progress.planSeen = true;
    return { kind: 'plan', plan: planFromWire(reply.plan) };
  }
  if (reply.event && reply.event.seq >= progress.nextSeq) {
    progress.nextSeq = reply.event.seq + 1;
    if (reply.event.type === 'operation-finished') progress.finished = true;
    if (reply.event.type === 'resume-requested') progress.finished = false;
    const event = eventFromWire(reply.event);
    return event && { kind: 'event', event };
  }
  const output = reply.output && progress.newBytes(reply.output);
  return output && { kind: 'output', output };
}

/** A server that stops breaks its streams with one of these and no Problem; a Problem is an answer and ends the watch. */
function isLostConnection(error: ServiceError): boolean {
  if (sentProblem(error.metadata)) return error.code === status.UNAVAILABLE;
  return [status.UNAVAILABLE, status.INTERNAL, status.CANCELLED, status.UNKNOWN].includes(error.code);
}

function lostConnection(error: ServiceError, target: string): Problem {
  if (sentProblem(error.metadata)) return problemFromStatus(error, target);
  return problemFromStatus(Object.assign(error, { code: status.UNAVAILABLE }), target);
}

function noteLoss(lostAt: number | undefined, clock: Clock, options: WatchOptions, problem: Problem): number {
  if (lostAt === undefined) options.onConnectionLost?.(problem);
  return lostAt ?? clock.now();
}

function endedEarly() {
  return { code: status.UNAVAILABLE, details: 'the server ended the stream', metadata: new Metadata() };
}

function gaveUp(problem: Problem, operation: string, patienceSeconds: number): Problem {
  return new Problem('SERVER_UNREACHABLE', `${problem.message} (tried for ${patienceSeconds} s)`, {
    remedy: `The operation goes on once the server runs. Watch it again with "sealctl operation watch ${operation}".`,
    cause: problem,
  });
}
