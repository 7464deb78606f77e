import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { Problem } from '@seal/foundation';

/** What TLS needs to know of this node; taken anew for each connection, because certificates are renewed. */
export interface BlobCredentials {
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly caPem: string;
}

/** Where blobs come from, as a port. */
export interface BlobSource {
  /**
   * The bytes of a blob from `offset` on, and where they really begin (0 when the source cannot resume).
   * Rejects with a Problem that says whether trying again makes sense: BLOB_FETCH_FAILED (yes), IMAGE_NOT_FOUND-like answers (no) carry `details.final`.
   */
  open(digest: string, offset: number, signal: AbortSignal): Promise<{ offset: number; body: AsyncIterable<Uint8Array> }>;
}

/** No byte for this long ends a try. */
const idleMs = 30_000;

/** The server's blobs over HTTPS with the node's certificate. `server` is host:port. */
export function serverBlobSource(server: string, credentials: () => BlobCredentials): BlobSource {
  return {
    async open(digest, offset, signal) {
      const { keyPem, certificatePem, caPem } = credentials();
      const agent = new Agent({ key: keyPem, cert: certificatePem, ca: caPem, minVersion: 'TLSv1.3' });
      const url = `https://${server}/v1/blobs/${digest}`;
      const response = await get(url, agent, offset, signal);
      const { statusCode = 0 } = response;
      if (statusCode === 200) return { offset: 0, body: response };
      if (statusCode === 206) return { offset, body: response };
      response.resume();
      throw failed(url, `the server answered ${statusCode}`, {
        statusCode,
        final: statusCode === 404 || statusCode === 403 || statusCode === 401,
      });
    },
  };
}

function get(url: string, agent: Agent, offset: number, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const call = request(url, { agent, headers, signal }, resolve);
    call.setTimeout(idleMs, () => call.destroy(new Error(`no byte for ${idleMs / 1000} s`)));
    call.on('error', (error) => reject(signal.aborted ? signal.reason : failed(url, error.message, {}, error)));
    call.end();
  });
}

function failed(url: string, why: string, details: Record<string, unknown>, cause?: unknown): Problem {
  return new Problem('BLOB_FETCH_FAILED', `cannot fetch ${url}: ${why}`, { details, ...(cause ? { cause } : {}) });
}
