import { request as httpsRequest, type RequestOptions } from 'node:https';
import { Problem } from '@seal/foundation';

export interface HttpsRequest {
  /** host:port. */
  readonly server: string;
  readonly path: string;
  /** Sent as JSON with POST; GET without it. */
  readonly body?: unknown;
  /** PEM; exactly this authority is trusted. Without it nothing is checked: only for what is checked against a pin afterwards. */
  readonly ca?: string;
  /** Client certificate. */
  readonly cert?: string;
  readonly key?: string;
  /** Default 15 s, for the whole of it. */
  readonly timeoutMilliseconds?: number;
}

const answerBytesMax = 64 * 1024;

/**
 * One request over TLS 1.3 on a connection of its own; the text of a 200. Problems: what the server answered, PIN_MISMATCH when its
 * certificate is not of `ca`, SERVER_UNREACHABLE for all else.
 */
export async function httpsText(wanted: HttpsRequest): Promise<string> {
  const { status, text } = await exchange(wanted);
  if (status === 200) return text;
  throw problemOf(wanted, status, text);
}

function exchange(wanted: HttpsRequest): Promise<{ status: number; text: string }> {
  const payload = wanted.body === undefined ? undefined : Buffer.from(JSON.stringify(wanted.body));
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(connectionProblem(wanted.server, error));
    const request = httpsRequest(optionsOf(wanted, payload), (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) request.destroy(new Error(`the answer has more than ${answerBytesMax} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', fail);
    });
    request.on('error', fail);
    request.end(payload);
  });
}

function optionsOf(wanted: HttpsRequest, payload: Buffer | undefined): RequestOptions {
  const url = new URL(`https://${wanted.server}${wanted.path}`);
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || 443,
    path: url.pathname,
    method: payload ? 'POST' : 'GET',
    headers: payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {},
    // A connection of its own: none that was opened without a check is used again.
    agent: false,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: wanted.ca !== undefined,
    signal: AbortSignal.timeout(wanted.timeoutMilliseconds ?? 15_000),
    ...(wanted.ca === undefined ? {} : { ca: wanted.ca }),
    ...(wanted.cert === undefined ? {} : { cert: wanted.cert, key: wanted.key }),
  };
}

const chainCodes = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_PURPOSE',
];

function connectionProblem(server: string, error: Error): Problem {
  const code = 'code' in error ? String(error.code) : '';
  if (chainCodes.includes(code))
    return new Problem('PIN_MISMATCH', `the certificate of ${server} is not signed by the certificate authority that is pinned`, {
      cause: error,
    });
  const why = error.name === 'TimeoutError' || code === 'ABORT_ERR' ? 'it did not answer in time' : error.message;
  return new Problem('SERVER_UNREACHABLE', `the server ${server} cannot be reached: ${why}`, {
    cause: error,
    ...(code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED' ? { remedy: 'Set the clock of this host right.' } : {}),
  });
}

function problemOf({ server, path }: HttpsRequest, status: number, text: string): Problem {
  try {
    const data = JSON.parse(text) as { code?: unknown; message?: unknown; remedy?: unknown };
    if (typeof data.code === 'string' && typeof data.message === 'string')
      return Problem.fromData({
        code: data.code,
        message: data.message,
        ...(typeof data.remedy === 'string' ? { remedy: data.remedy } : {}),
      });
  } catch (error) {
    return new Problem('SERVER_UNREACHABLE', `${server} answered ${path} with status ${status} and no reason`, { cause: error });
  }
  return new Problem('SERVER_UNREACHABLE', `${server} answered ${path} with status ${status} and no reason`);
}
