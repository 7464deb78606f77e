import { type handleServerStreamingCall, type handleUnaryCall, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Problem, problemCodes } from '@seal/foundation';
import { problemProto, problemToWire } from '@seal/protocol';
import type { Caller } from '../identity/caller.ts';

/** The parts of a call that tell who is calling. */
export interface CallInfo {
  getPeer(): string;
  getPath(): string;
  getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } | undefined };
}

/** Proves the caller of a call and checks that it may call this method. Problems: UNAUTHENTICATED, PERMISSION_DENIED. */
export type Guard = (call: CallInfo) => Caller;

export interface ApiLogger {
  error(fields: object, message: string): void;
}

/** What every service is made with. */
export interface ApiContext {
  readonly guard: Guard;
  readonly logger: ApiLogger;
}

/** A unary method: guarded, answering with a Problem in the trailing metadata when it fails. */
export function unary<Request, Reply>(
  context: ApiContext,
  answer: (request: Request, caller: Caller) => Promise<Reply>,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    const guarded = async () => answer(call.request, context.guard(call as unknown as CallInfo));
    guarded().then(
      (reply) => callback(null, reply),
      (error: unknown) => callback(asServiceError(context, call.getPath(), error)),
    );
  };
}

/** A server stream: `produce` sends with backpressure until it returns or the caller goes away. */
export function serverStream<Request, Reply>(
  context: ApiContext,
  produce: (request: Request, send: (reply: Reply) => Promise<void>, gone: AbortSignal, caller: Caller) => Promise<void>,
): handleServerStreamingCall<Request, Reply> {
  return (call) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    call.on('close', () => gone.abort());
    const send = (reply: Reply) =>
      new Promise<void>((resolve) => {
        if (gone.signal.aborted || call.write(reply)) return resolve();
        const next = () => resolve();
        call.once('drain', next);
        gone.signal.addEventListener('abort', next, { once: true });
      });
    const run = async () => produce(call.request, send, gone.signal, context.guard(call as unknown as CallInfo));
    run().then(
      () => call.end(),
      (error: unknown) => void call.emit('error', asServiceError(context, call.getPath(), error)),
    );
  };
}

/** The gRPC form of whatever was thrown: status from the code, the whole Problem in "seal-problem-bin". */
export function asServiceError(context: ApiContext, path: string, thrown: unknown): Partial<ServiceError> {
  const problem = Problem.from(thrown);
  if (problem.code === 'INTERNAL') context.logger.error({ err: thrown, path }, 'call failed');
  const metadata = new Metadata();
  const encoded = problemProto.Problem.encode(problemToWire(problem.toJSON())).finish();
  metadata.set('seal-problem-bin', Buffer.from(encoded));
  return { code: status[problemCodes[problem.code].grpc], details: problem.message.slice(0, 2048), metadata };
}
