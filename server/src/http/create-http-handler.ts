import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { type Clock, Problem } from '@seal/foundation';
import type { Authenticate } from '../identity/authenticate.ts';
import { type Caller, localAdmin } from '../identity/caller.ts';
import { answerBlob, type BlobRoutesOptions, blobOf } from './blob-routes.ts';
import { EnrolRoutes, type EnrolRoutesOptions } from './enrol-routes.ts';
import { answerInstall, type InstallRoutesOptions } from './install-routes.ts';
import { RateLimit } from './rate-limit.ts';
import { sendProblem } from './send-problem.ts';

export interface HttpLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HttpHandlerOptions extends BlobRoutesOptions, EnrolRoutesOptions, InstallRoutesOptions {
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly logger: HttpLogger;
  /** Of requests that need no certificate, per address. Default: 60 at once, then 10 per second. */
  readonly openRate?: { readonly burst: number; readonly perSecond: number };
  /** A transfer of which nothing moves for that long is cut. Default 60 s. */
  readonly idleMilliseconds?: number;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Everything the server answers over HTTP: what a host needs to become a node (without a certificate), and blobs (with one).
 * `tls` is for the HTTPS port; `local` for the unix socket alone, whose callers are admins.
 */
export function createHttpHandler(options: HttpHandlerOptions): { readonly tls: Handle; readonly local: Handle } {
  const openRate = new RateLimit({ clock: options.clock, ...(options.openRate ?? { burst: 60, perSecond: 10 }) });
  const enrolRoutes = new EnrolRoutes(options);

  const route = async (request: IncomingMessage, response: ServerResponse, callerOf: () => Caller): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', 'https://server');
    const digest = blobOf(pathname);
    if (digest !== undefined && ['GET', 'HEAD', 'PUT'].includes(request.method ?? ''))
      return answerBlob(options, digest, callerOf(), request, response);
    openRate.take(addressOf(request));
    if (request.method === 'POST' && pathname === '/v1/enrol') return enrolRoutes.enrol(request, response, addressOf(request));
    if (request.method === 'POST' && pathname === '/v1/renew')
      return enrolRoutes.renew(request, response, options.authenticate(certificateOf(request), renewableMilliseconds));
    if (await answerInstall(options, pathname, request, response)) return;
    throw new Problem('ROUTE_NOT_FOUND', `there is nothing at ${request.method} ${pathname.slice(0, 200)}`);
  };

  const handle = (callerOf: (request: IncomingMessage) => Caller): Handle => {
    return (request, response) => {
      response.setTimeout(options.idleMilliseconds ?? 60_000, () => response.destroy());
      // A request that is refused is not read on; what its sender then does to the connection is no error of ours.
      request.on('error', () => undefined);
      route(request, response, () => callerOf(request)).catch((error: unknown) => refuse(options, request, response, error));
    };
  };
  return { tls: handle((request) => options.authenticate(certificateOf(request))), local: handle(() => localAdmin) };
}

/** An agent that was off can renew an expired certificate for 30 days; later it needs a new token. */
const renewableMilliseconds = 30 * 24 * 3_600_000;

function refuse(options: HttpHandlerOptions, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const gone = error instanceof Error && 'code' in error && goneCodes.includes(String(error.code));
  if (gone) return void response.destroy();
  const problem = Problem.from(error);
  if (problem.code === 'INTERNAL')
    options.logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
  sendProblem(
    response,
    problem.code === 'INTERNAL' ? new Problem('INTERNAL', 'the server failed to answer this request') : problem,
  );
}

/** The other side went away in the middle of a transfer. */
const goneCodes = ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_DESTROYED', 'ABORT_ERR'];

function certificateOf(request: IncomingMessage): Uint8Array | undefined {
  if (!(request.socket instanceof TLSSocket)) return undefined;
  return request.socket.getPeerX509Certificate()?.raw;
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'local';
}
