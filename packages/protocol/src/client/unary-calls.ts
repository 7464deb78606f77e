import { type Client, Metadata } from '@grpc/grpc-js';
import type { Problem } from '@seal/foundation';
import { problemFromStatus } from './problem-from-status.ts';

interface Method<Request, Reply> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  requestSerialize(value: Request): Buffer;
  responseDeserialize(value: Buffer): Reply;
}

export interface CallOptions {
  /** Default 10. */
  readonly timeoutSeconds?: number;
}

/** The unary methods of a generated service as functions that give promises; they reject with Problems only. */
export type UnaryCalls<Service> = {
  readonly [Name in keyof Service as Service[Name] extends { requestStream: false; responseStream: false }
    ? Name
    : never]: Service[Name] extends Method<infer Request, infer Reply>
    ? (request: Request, options?: CallOptions) => Promise<Reply>
    : never;
};

/** `target` is the server's address as the user knows it, for the messages of Problems. */
export function unaryCalls<Service extends object>(client: Client, service: Service, target: string): UnaryCalls<Service> {
  const methods = Object.entries(service) as [string, Method<unknown, unknown>][];
  return Object.fromEntries(
    methods
      .filter(([, method]) => !method.requestStream && !method.responseStream)
      .map(([name, method]) => [
        name,
        (request: unknown, options?: CallOptions) => callOnce(client, method, target, request, options?.timeoutSeconds ?? 10),
      ]),
  ) as UnaryCalls<Service>;
}

function callOnce(
  client: Client,
  method: Method<unknown, unknown>,
  target: string,
  request: unknown,
  timeoutSeconds: number,
): Promise<unknown> {
  return new Promise((resolve, reject: (problem: Problem) => void) => {
    client.makeUnaryRequest(
      method.path,
      (value: unknown) => method.requestSerialize(value),
      (value: Buffer) => method.responseDeserialize(value),
      request,
      new Metadata(),
      { deadline: Date.now() + timeoutSeconds * 1000 },
      (error, reply) => (error ? reject(problemFromStatus(error, target)) : resolve(reply)),
    );
  });
}
