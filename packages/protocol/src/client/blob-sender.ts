import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem, type ProblemData } from '@seal/foundation';
import type { ServerTarget } from '../credentials/context.ts';

/** A blob of an image, as its store gives it. */
export interface BlobSource {
  readonly digest: string;
  readonly sizeBytes: number;
  /** A new stream from the first byte on; called again when a transfer is tried again. */
  open(): Readable;
}

export interface BlobSender {
  /**
   * PUTs one blob. `onBytes` gets the size of each piece that was handed over.
   * Problems: the server's own; BLOB_UPLOAD_FAILED when the transfer broke.
   */
  put(blob: BlobSource, onBytes?: (count: number) => void): Promise<void>;
  close(): void;
}

/** Sends blobs over the target's HTTPS endpoint (mTLS), or its HTTP socket on this machine. */
export function blobSender(target: ServerTarget): BlobSender {
  const { agent, begin, where } = transport(target);
  return {
    put: (blob, onBytes) => putBlob(begin(`/v1/blobs/${blob.digest}`, blob.sizeBytes), where, blob, onBytes),
    close: () => agent.destroy(),
  };
}

function transport(target: ServerTarget) {
  const headers = (sizeBytes: number) => ({ 'content-length': sizeBytes, 'content-type': 'application/octet-stream' });
  if (target.kind === 'local') {
    const agent = new HttpAgent({ keepAlive: true });
    const begin = (path: string, sizeBytes: number) =>
      httpRequest({ agent, socketPath: target.httpSocket, path, method: 'PUT', headers: headers(sizeBytes) });
    return { agent, begin, where: `unix://${target.httpSocket}` };
  }
  const { caPem: ca, certificatePem: cert, keyPem: key } = target.credentials;
  const agent = new HttpsAgent({ keepAlive: true, ca, cert, key, minVersion: 'TLSv1.3' });
  const begin = (path: string, sizeBytes: number) =>
    httpsRequest(`https://${target.httpsAddress}${path}`, { agent, method: 'PUT', headers: headers(sizeBytes) });
  return { agent, begin, where: target.httpsAddress };
}

async function putBlob(
  request: ClientRequest,
  where: string,
  blob: BlobSource,
  onBytes?: (count: number) => void,
): Promise<void> {
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const counter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      onBytes?.(piece.length);
      done(null, piece);
    },
  });
  // A server may refuse before it has read everything: then its answer counts, not the broken pipe.
  const sent = pipeline(blob.open(), counter, request).catch((error: unknown) => error);
  let response: IncomingMessage;
  try {
    response = await answered;
  } catch (cause) {
    throw broken(blob, where, cause);
  }
  const body = await readBody(response).catch((cause: unknown) => {
    throw broken(blob, where, cause);
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    const failure = await sent;
    if (failure) throw broken(blob, where, failure);
    return;
  }
  request.destroy();
  throw problemOfBody(body) ?? broken(blob, where, `HTTP status ${status}${body ? `: ${body.slice(0, 200)}` : ''}`);
}

async function readBody(response: IncomingMessage): Promise<string> {
  const limitBytes = 64 * 1024;
  let text = '';
  for await (const piece of response.setEncoding('utf8')) if (text.length < limitBytes) text += piece;
  return text;
}

function problemOfBody(body: string): Problem | undefined {
  if (!body.startsWith('{')) return undefined;
  const data = parseOrNothing(body);
  const problem = data?.problem ?? data;
  return typeof problem?.code === 'string' && typeof problem.message === 'string' ? Problem.fromData(problem) : undefined;
}

function parseOrNothing(body: string): ((Partial<ProblemData> & { problem?: ProblemData }) & ProblemData) | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function broken(blob: BlobSource, where: string, cause: unknown): Problem {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Problem('BLOB_UPLOAD_FAILED', `sending ${blob.digest} (${blob.sizeBytes} bytes) to ${where} failed: ${reason}`, {
    cause,
  });
}
