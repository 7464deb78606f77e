import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, Server, ServerCredentials, type ServerWritableStream, status, type UntypedHandleCall } from '@grpc/grpc-js';
import { Problem, problemCodes } from '@seal/foundation';
import type { OperationEvent, OperationEventBody, Plan } from '@seal/plan';
import { ClusterServiceService } from '../gen/seal/v1/cluster.ts';
import { ImageServiceService, PullImageReply, type PullImageRequest } from '../gen/seal/v1/image.ts';
import { NodeServiceService } from '../gen/seal/v1/node.ts';
import {
  OperationServiceService,
  type OutputChunk,
  type WatchOperationReply,
  type WatchOperationRequest,
} from '../gen/seal/v1/operation.ts';
import { Problem as WireProblem } from '../gen/seal/v1/problem.ts';
import { ServerServiceService } from '../gen/seal/v1/server.ts';
import { TokenServiceService } from '../gen/seal/v1/token.ts';
import { eventToWire } from '../wire/event-wire.ts';
import { planToWire } from '../wire/plan-wire.ts';
import { problemToWire } from '../wire/problem-wire.ts';
import { problemMetadataKey } from './problem-from-status.ts';
import type { UnaryCalls } from './unary-calls.ts';

type AnswersOf<Service> = {
  -readonly [Name in keyof UnaryCalls<Service>]?: UnaryCalls<Service>[Name] extends (
    request: infer Request,
    ...rest: never[]
  ) => Promise<infer Reply>
    ? (request: Request) => Reply
    : never;
};

/** What the double answers to each unary method; a method without an answer is UNIMPLEMENTED, a thrown Problem travels as the real server sends it. */
export type Answers = AnswersOf<typeof ClusterServiceService> &
  AnswersOf<typeof OperationServiceService> &
  AnswersOf<typeof NodeServiceService> &
  AnswersOf<typeof TokenServiceService> &
  AnswersOf<typeof ImageServiceService> &
  AnswersOf<typeof ServerServiceService>;

/** An operation of the double: what a watcher is sent, in order. */
export interface ScriptedOperation {
  readonly plan: Plan;
  readonly items: (OperationEvent | OutputChunk)[];
}

type Watcher = ServerWritableStream<WatchOperationRequest, WatchOperationReply>;
const services = [
  ClusterServiceService,
  OperationServiceService,
  NodeServiceService,
  TokenServiceService,
  ImageServiceService,
  ServerServiceService,
];

/**
 * A double of the server for tests: the generated services on a real grpc-js server and blobs on a real HTTP server, both on unix
 * sockets in a directory of its own. It decides nothing: it answers what a test gave it and keeps what it was asked.
 */
export class ServerDouble {
  readonly answers: Answers = {};
  /** Every unary request and watch, in order. */
  readonly calls: { readonly method: string; readonly request: unknown }[] = [];
  readonly operations = new Map<string, ScriptedOperation>();
  /** Blobs that were PUT, by digest. */
  readonly blobs = new Map<string, Buffer>();
  /** What a pull is sent, in order; a Problem ends it. */
  pullReplies: readonly (Partial<PullImageReply> | Problem)[] = [];
  /** Breaks the next so many PUTs in the middle. */
  breakNextPuts = 0;
  readonly #directory: string;
  readonly #watchers = new Set<{ id: string; call: Watcher }>();
  #server: Server | undefined;
  #http: HttpServer | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<ServerDouble> {
    const double = new ServerDouble(await mkdtemp(join(tmpdir(), 'seal-double-')));
    await double.restart();
    return double;
  }

  /** Path of the gRPC socket. */
  get socket(): string {
    return join(this.#directory, 'server.sock');
  }

  get target() {
    return { kind: 'local', grpcSocket: this.socket, httpSocket: join(this.#directory, 'http.sock') } as const;
  }

  /** Begins to serve (again), at the same sockets and with the same state. */
  async restart(): Promise<void> {
    const server = new Server();
    for (const service of services)
      server.addService(
        service,
        Object.fromEntries(Object.keys(service).map((name) => [name, this.#handlerOf(name) as UntypedHandleCall])),
      );
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix://${this.socket}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    this.#server = server;
    this.#http = createServer((request, response) => this.#serveBlob(request, response)).listen(this.target.httpSocket);
    await once(this.#http, 'listening');
  }

  /** Stops as a killed process does: every stream breaks. */
  async kill(): Promise<void> {
    this.#server?.forceShutdown();
    this.#http?.closeAllConnections();
    await new Promise((resolve) => this.#http?.close(resolve));
    this.#watchers.clear();
    await rm(this.socket, { force: true });
    await rm(this.target.httpSocket, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Watches that are open now. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Adds an event to an operation's log and sends it to whoever watches. */
  happen(id: string, body: OperationEventBody, at = Date.UTC(2025, 0, 1)): void {
    const operation = this.#operation(id);
    const seq = operation.items.filter((item) => 'seq' in item).length + 1;
    this.#send(id, { ...body, seq, at: at + seq * 1000, operation: id });
  }

  /** Adds output of a step, at the end of that stream, and sends it to whoever watches with outputs. */
  print(id: string, step: string, text: string, stream: 1 | 2 = 1, attempt = 1): void {
    const before = this.#operation(id).items.filter(
      (item) => !('seq' in item) && item.step === step && item.stream === stream && item.attempt === attempt,
    );
    const offset = before.reduce((total, item) => total + (item as OutputChunk).data.length, 0);
    this.#send(id, { step, attempt, stream, offset, data: Buffer.from(text), droppedBytes: 0 });
  }

  #send(id: string, item: OperationEvent | OutputChunk): void {
    this.#operation(id).items.push(item);
    for (const watcher of [...this.#watchers].filter((each) => each.id === id)) {
      writeItem(watcher.call, item);
      if (!('seq' in item) || item.type !== 'operation-finished') continue;
      this.#watchers.delete(watcher);
      watcher.call.end();
    }
  }

  #operation(id: string): ScriptedOperation {
    const operation = this.operations.get(id);
    if (!operation) throw new Problem('OPERATION_NOT_FOUND', `there is no operation "${id}"`);
    return operation;
  }

  #unary(name: string) {
    return (call: { request: unknown }, callback: (error: unknown, reply?: unknown) => void) => {
      this.calls.push({ method: name, request: call.request });
      const answer = (this.answers as Record<string, ((request: unknown) => unknown) | undefined>)[name];
      if (!answer) return callback({ code: status.UNIMPLEMENTED, details: `the double has no answer to ${name}` });
      try {
        callback(null, answer(call.request));
      } catch (error) {
        callback(statusOf(error));
      }
    };
  }

  #handlerOf(name: string) {
    if (name === 'watchOperation') return (call: Watcher) => this.#watch(call);
    if (name === 'pullImage') return (call: ServerWritableStream<PullImageRequest, PullImageReply>) => this.#pull(call);
    return this.#unary(name);
  }

  #pull(call: ServerWritableStream<PullImageRequest, PullImageReply>): void {
    this.calls.push({ method: 'pullImage', request: call.request });
    for (const reply of this.pullReplies) {
      if (reply instanceof Problem) return void call.emit('error', statusOf(reply));
      call.write(PullImageReply.fromPartial(reply));
    }
    call.end();
  }

  #watch(call: Watcher): void {
    const { id, fromSeq, follow } = call.request;
    this.calls.push({ method: 'watchOperation', request: call.request });
    const operation = this.operations.get(id);
    if (!operation) {
      call.emit('error', statusOf(new Problem('OPERATION_NOT_FOUND', `there is no operation "${id}"`)));
      return;
    }
    const watcher = { id, call };
    call.on('cancelled', () => this.#watchers.delete(watcher));
    call.write({ plan: planToWire(operation.plan), event: undefined, output: undefined });
    for (const item of operation.items) if (!('seq' in item) || item.seq >= fromSeq) writeItem(call, item);
    const last = operation.items.findLast((item) => 'seq' in item);
    if (!follow || last?.type === 'operation-finished') call.end();
    else this.#watchers.add(watcher);
  }

  #serveBlob(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse): void {
    const digest = request.url?.replace('/v1/blobs/', '') ?? '';
    if (this.breakNextPuts > 0) {
      this.breakNextPuts -= 1;
      request.once('data', () => request.socket.destroy());
      return;
    }
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const data = Buffer.concat(pieces);
      const found = `sha256:${createHash('sha256').update(data).digest('hex')}`;
      if (found === digest) {
        this.blobs.set(digest, data);
        response.writeHead(201).end();
      } else {
        const problem = new Problem('STORE_FAILED', `blob ${digest} has the digest ${found}`);
        response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(problem));
      }
    });
  }
}

function writeItem(call: Watcher, item: OperationEvent | OutputChunk): void {
  if ('seq' in item) {
    call.write({ plan: undefined, event: eventToWire(item), output: undefined });
  } else if (call.request.outputs) call.write({ plan: undefined, event: undefined, output: item });
}

/** A Problem as the server sends it: status from the code, the whole in the trailing metadata. */
function statusOf(error: unknown) {
  const problem = Problem.from(error);
  const metadata = new Metadata();
  metadata.set(problemMetadataKey, Buffer.from(WireProblem.encode(problemToWire(problem.toJSON())).finish()));
  return { code: status[problemCodes[problem.code].grpc], details: problem.message, metadata };
}
