import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import type { ProxySettings } from './proxy-settings.ts';
import type { ClientCertificate } from './registry-certificates.ts';

/** How the other side of a TLS connection is checked. */
export interface TlsSettings {
  /** PEM certificates that count beside the well-known and the system's ones. */
  readonly caPem?: readonly string[];
  /** False only with --insecure. */
  readonly verify: boolean;
  /** Default: no proxy. */
  readonly proxy?: ProxySettings | undefined;
  /** Certificates to show when the server of this host asks for one; other hosts (redirects, token servers) are shown none. */
  readonly client?: { readonly hostname: string; readonly certificates: readonly ClientCertificate[] };
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A fresh stream for each try; its length stands in content-length. */
  readonly body?: () => Readable;
  readonly signal?: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  readonly body: http.IncomingMessage;
}

export interface HttpSender {
  send(request: HttpRequest): Promise<HttpReply>;
  close(): void;
}

/** A connection without a byte in either direction for this long is given up. */
const idleMilliseconds = 60_000;

/** Sends single requests over kept-alive connections: no redirects, no retries, no credentials. Errors are those of node:http. */
export function makeHttpSender(tls: TlsSettings, maximumSockets = 8): HttpSender {
  const proxy = tls.proxy === undefined ? {} : { proxyEnv: tls.proxy };
  const shared = { keepAlive: true, maxSockets: maximumSockets, timeout: idleMilliseconds, ...proxy };
  const plainAgent = new http.Agent(shared);
  const tlsAgents = new Map<string, Promise<https.Agent>>();
  const secureAgent = ({ hostname }: URL) => {
    const certificates = tls.client?.hostname === hostname ? tls.client.certificates : [];
    const kind = certificates.length > 0 ? hostname : '';
    const agent = tlsAgents.get(kind) ?? makeTlsAgent(tls, certificates, shared);
    tlsAgents.set(kind, agent);
    return agent;
  };
  return {
    async send(request) {
      const agent = request.url.protocol === 'https:' ? await secureAgent(request.url) : plainAgent;
      return exchange(request, agent);
    },
    close() {
      plainAgent.destroy();
      for (const made of tlsAgents.values()) void made.then((agent) => agent.destroy());
    },
  };
}

async function makeTlsAgent(
  { caPem, verify }: TlsSettings,
  certificates: readonly ClientCertificate[],
  shared: http.AgentOptions,
): Promise<https.Agent> {
  const { getCACertificates } = await import('node:tls');
  const ca = new Set([...getCACertificates('default'), ...getCACertificates('system'), ...(caPem ?? [])]);
  const cert = certificates.map(({ certPem }) => certPem);
  const key = certificates.map(({ keyPem }) => keyPem);
  const shown = certificates.length > 0 ? { cert, key } : {};
  return new https.Agent({ ...shared, ...shown, ca: [...ca], rejectUnauthorized: verify, minVersion: 'TLSv1.2' });
}

function exchange({ method, url, headers, body, signal }: HttpRequest, agent: http.Agent): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? https.request : http.request;
    const request = start(url, {
      method,
      agent,
      headers: { 'user-agent': 'seal', ...headers },
      ...(signal ? { signal } : {}),
      timeout: idleMilliseconds,
    });
    request.on('timeout', () => request.destroy(new Error(`no byte came or went for ${idleMilliseconds / 1000} s`)));
    request.on('response', (reply) => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: reply }));
    // After an answer that came early (a refusal while bytes are sent) this rejects nothing any more.
    request.on('error', reject);
    if (!body) return void request.end();
    const source = body();
    pipeline(source, request, (error) => {
      if (error) reject(error);
    });
  });
}
