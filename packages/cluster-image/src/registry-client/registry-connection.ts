import type { Readable } from 'node:stream';
import { Problem } from '@seal/foundation';
import { type Authorizer, makeAuthorizer } from './authorizer.ts';
import { chooseOrigin } from './choose-origin.ts';
import type { Credential } from './credential.ts';
import { findCredential } from './find-credential.ts';
import { type HttpReply, type HttpSender, makeHttpSender } from './http-send.ts';
import { proxySettings } from './proxy-settings.ts';
import type { RegistryOptions } from './registry-options.ts';
import { accessProblem, answerProblem, unreachableProblem } from './registry-problem.ts';
import type { Endpoint } from './registry-settings.ts';
import { isBusyStatus, isTransient, throwIfAborted, waitBeforeRetry } from './retry-policy.ts';

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  /** Path from the root of the registry, or an address that the registry gave and `uploadUrl` accepted. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => Readable;
  /** Tokens are asked for this: `repository:NAME:pull`. Several, separated by spaces, for a mount. */
  readonly scope: string;
  /** Statuses that the caller handles beside 2xx. */
  readonly accept?: readonly number[];
  /** Let errors of the network and "later" pass as they are, for a caller that knows better than to send the same again. */
  readonly passTransient?: boolean;
}

const redirects = new Set([301, 302, 303, 307, 308]);
const maximumRedirects = 5;

/** One registry (or mirror) as one user sees it. Bytes of replies must be read to their end or destroyed. */
export interface RegistryConnection {
  readonly endpoint: Endpoint;
  readonly origin: URL;
  /** What credentials were shown; for messages. */
  readonly tried: string;
  readonly options: RegistryOptions;
  /**
   * Sends with credentials and follows redirects of GET and HEAD; tries again on cut connections, 429 and 5xx. Throws
   * REGISTRY_UNREACHABLE, REGISTRY_UNAUTHORIZED, REGISTRY_DENIED, REGISTRY_PROTOCOL, CANCELLED.
   */
  request(request: RegistryRequest): Promise<HttpReply>;
  close(): void;
}

/** Connects. Without `credential` it is what `options.credentials` gives, or the files of Docker and Podman have. */
export async function connectRegistry(
  endpoint: Endpoint,
  repository: string,
  options: RegistryOptions,
  credential?: Credential,
): Promise<RegistryConnection> {
  const find = options.credentials ?? ((registry, path) => findCredential(registry, path, options));
  const shown = credential ?? (await find(endpoint.name, repository));
  const client = { hostname: new URL(`https://${endpoint.host}`).hostname, certificates: endpoint.clientCertificates };
  const sender = makeHttpSender({ caPem: endpoint.caPem, verify: !endpoint.insecure, client, proxy: proxySettings(options.env) });
  try {
    const origin = await chooseOrigin(sender, endpoint, options);
    const authorizer = makeAuthorizer(sender, endpoint, origin, shown, options.signal);
    const context: Context = { endpoint, origin, options, sender, authorizer, tried: authorizer.tried, repository };
    return {
      endpoint,
      origin,
      options,
      tried: authorizer.tried,
      request: (request) => sendTrying(context, request),
      close: () => sender.close(),
    };
  } catch (thrown) {
    sender.close();
    throw thrown;
  }
}

interface Context {
  readonly endpoint: Endpoint;
  readonly origin: URL;
  readonly options: RegistryOptions;
  readonly sender: HttpSender;
  readonly authorizer: Authorizer;
  readonly tried: string;
  readonly repository: string;
}

async function sendTrying(context: Context, request: RegistryRequest): Promise<HttpReply> {
  const tries = context.options.tries ?? 5;
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(context.options.signal);
    let why: unknown;
    let askedSeconds: number | undefined;
    try {
      const reply = await sendAuthorized(context, request);
      if (request.accept?.includes(reply.status) || (reply.status >= 200 && reply.status < 300)) return reply;
      if (!isBusyStatus(reply.status)) throw await answerProblem(context, request, reply);
      askedSeconds = Number(reply.headers['retry-after']) || undefined;
      why = await answerProblem(context, request, reply);
    } catch (thrown) {
      throwIfAborted(context.options.signal);
      if (thrown instanceof Problem) throw thrown;
      if (!isTransient(thrown)) throw unreachableProblem(context.endpoint, thrown);
      why = thrown;
    }
    if (request.passTransient)
      throw why instanceof Problem ? Object.assign(new Error(why.message), { status: 503, askedSeconds }) : why;
    if (attempt >= tries) throw unreachableProblem(context.endpoint, why, attempt);
    await waitBeforeRetry(attempt, context.options, askedSeconds);
  }
}

/** Once more after a 401: with credentials, or with a fresh token in place of one that ran out. */
async function sendAuthorized(context: Context, request: RegistryRequest): Promise<HttpReply> {
  const { authorizer } = context;
  const shown = authorizer.header(request.scope);
  const reply = await sendFollowing(context, request, shown);
  if (reply.status !== 401) return reply;
  const challenge = reply.headers['www-authenticate'];
  if (!(await authorizer.takeChallenge(challenge, request.scope, shown))) throw await accessProblem(context, request, reply);
  reply.body.destroy();
  const second = await sendFollowing(context, request, authorizer.header(request.scope));
  if (second.status === 401) throw await accessProblem(context, request, second);
  return second;
}

async function sendFollowing(context: Context, request: RegistryRequest, authorization: string | undefined): Promise<HttpReply> {
  const { origin, options, sender, endpoint } = context;
  let url = new URL(request.target, origin);
  for (let hops = 0; ; hops += 1) {
    const sameOrigin = url.origin === origin.origin;
    const reply = await sender.send({
      method: request.method,
      url,
      // Another host (a store of blobs behind the registry) is shown no credentials.
      headers: { ...request.headers, ...(authorization && sameOrigin ? { authorization } : {}) },
      ...(request.body ? { body: request.body } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (!redirects.has(reply.status) || (request.method !== 'GET' && request.method !== 'HEAD')) return reply;
    reply.body.destroy();
    if (hops >= maximumRedirects)
      throw new Problem('REGISTRY_PROTOCOL', `the registry ${endpoint.name} redirects more than ${maximumRedirects} times`, {
        details: { registry: endpoint.name, path: new URL(request.target, origin).pathname },
      });
    url = redirectUrl(endpoint, url, reply.headers.location);
  }
}

function redirectUrl(endpoint: Endpoint, from: URL, location: string | undefined): URL {
  const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const allowed = from.protocol === 'https:' && !endpoint.insecure ? ['https:'] : ['https:', 'http:'];
  if (url && allowed.includes(url.protocol) && url.username === '' && url.password === '') return url;
  throw new Problem(
    'REGISTRY_PROTOCOL',
    `the registry ${endpoint.name} redirects to "${location ?? ''}", which is not followed`,
    {
      details: { registry: endpoint.name, location },
    },
  );
}
