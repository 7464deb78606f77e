import type { IncomingMessage } from 'node:http';
import { type Clock, Problem } from '@seal/foundation';

/**
 * The whole body of a request as JSON, within a number of bytes and a time, so that nobody holds a place by sending slowly.
 * Problem: REQUEST_INVALID.
 */
export async function readJsonBody(
  request: IncomingMessage,
  limits: { readonly bytes: number; readonly milliseconds: number; readonly clock: Clock },
): Promise<unknown> {
  const tooLarge = () =>
    new Problem('REQUEST_INVALID', `the body of the request has more than the ${limits.bytes} bytes allowed`);
  if (Number(request.headers['content-length'] ?? 0) > limits.bytes) throw tooLarge();
  const late = new Problem('REQUEST_INVALID', `the body of the request did not come within ${limits.milliseconds / 1000} s`);
  let cancel: () => void = () => undefined;
  const timeout = new Promise<never>((_, reject) => {
    cancel = limits.clock.setTimer(limits.milliseconds, () => reject(late));
  });
  try {
    return parse(await Promise.race([collect(request, limits.bytes, tooLarge), timeout]));
  } finally {
    cancel();
  }
}

function collect(request: IncomingMessage, bytesMax: number, tooLarge: () => Problem): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => reject(new Problem('REQUEST_INVALID', 'the request ended before its body did')));
  });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new Problem('REQUEST_INVALID', 'the body of the request is not JSON', { cause: error });
  }
}
