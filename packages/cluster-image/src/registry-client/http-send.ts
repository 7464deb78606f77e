import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';

/** How the other side of a TLS connection is checked. */
export interface TlsSettings {
  /** PEM certificates that count beside the well-known and the system's ones. */
  readonly caPem?: readonly string[];
  /** False only with --insecure. */
  readonly verify: boolean;
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
  const shared = { keepAlive: true, maxSockets: maximumSockets, timeout: idleMilliseconds };
  const plainAgent = new http.Agent(shared);
  let tlsAgent: https.Agent | undefined;
  const secureAgent = async () => {
    if (!tlsAgent) {
      const { getCACertificates } = await import('node:tls');
      const ca = [...getCACertificates('default'), ...getCACertificates('system'), ...(tls.caPem ?? [])];
      tlsAgent = new https.Agent({ ...shared, ca: [...new Set(ca)], rejectUnauthorized: tls.verify, minVersion: 'TLSv1.2' });
    }
    return tlsAgent;
  };
  return {
    async send(request) {
      const agent = request.url.protocol === 'https:' ? await secureAgent() : plainAgent;
      return exchange(request, agent);
    },
    close() {
      plainAgent.destroy();
      tlsAgent?.destroy();
    },
  };
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
