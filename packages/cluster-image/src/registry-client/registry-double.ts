import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that the double got, with its whole body. */
export interface DoubleRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface DoubleAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** A double of a registry or token server: answers what the test says, and remembers what it was asked. */
export interface RegistryDouble extends AsyncDisposable {
  readonly host: string;
  readonly requests: DoubleRequest[];
}

export async function startRegistryDouble(
  answer: (request: DoubleRequest, host: string) => DoubleAnswer | undefined,
): Promise<RegistryDouble> {
  const requests: DoubleRequest[] = [];
  let host = '';
  const server: Server = createServer((request, reply) => void take(request, reply));
  async function take(request: IncomingMessage, reply: ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', `http://${host}`);
    const asked = { method: request.method ?? '', url, headers: request.headers, body: Buffer.concat(chunks) };
    requests.push(asked);
    const { status, headers = {}, body = '' } = answer(asked, host) ?? { status: 404 };
    reply.writeHead(status, headers).end(body);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
