import type { IncomingMessage } from 'node:http';
import { Problem } from '@seal/foundation';

/** The whole body of a reply. Throws REGISTRY_PROTOCOL as soon as it is longer than `maximumBytes`; errors of a cut connection pass. */
export async function readBody(body: IncomingMessage, maximumBytes: number, what: string): Promise<Buffer> {
  const announced = Number(body.headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    if (announced > maximumBytes) throw tooLong(what, announced, maximumBytes);
    for await (const chunk of body) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > maximumBytes) throw tooLong(what, sizeBytes, maximumBytes);
      chunks.push(chunk as Buffer);
    }
  } finally {
    if (!body.readableEnded) body.destroy();
  }
  return Buffer.concat(chunks);
}

function tooLong(what: string, sizeBytes: number, maximumBytes: number): Problem {
  return new Problem('REGISTRY_PROTOCOL', `${what} has ${sizeBytes} bytes or more (limit ${maximumBytes})`, {
    details: { sizeBytes, maximumBytes },
  });
}
