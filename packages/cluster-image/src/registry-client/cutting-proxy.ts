import net from 'node:net';

/** A TCP proxy that cuts connections; for tests. */
export interface CuttingProxy extends AsyncDisposable {
  readonly host: string;
  /** Bytes that went to the client and to the server. */
  readonly moved: { down: number; up: number };
  /** Cuts, once each: connection by connection, after so many more bytes in that direction. */
  cutAfter(direction: 'down' | 'up', bytes: readonly number[]): void;
  readonly cuts: { count: number };
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const moved = { down: 0, up: 0 };
  const cuts = { count: 0 };
  const planned: Record<'down' | 'up', number[]> = { down: [], up: [] };
  const left: Record<'down' | 'up', number | undefined> = { down: undefined, up: undefined };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(targetPort, '127.0.0.1');
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    const pass = (direction: 'down' | 'up', from: net.Socket, to: net.Socket) =>
      from.on('data', (bytes: Buffer) => {
        const room = left[direction];
        const part = room === undefined ? bytes : bytes.subarray(0, room);
        moved[direction] += part.length;
        if (room !== undefined) left[direction] = room - part.length;
        if (room !== undefined && room - part.length <= 0) {
          left[direction] = planned[direction].shift();
          cuts.count += 1;
          // What came before the cut arrives, then the line is dead.
          to.write(part, end);
          return;
        }
        if (!to.write(part)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
    pass('up', client, upstream);
    pass('down', upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    moved,
    cuts,
    cutAfter(direction, bytes) {
      planned[direction] = [...bytes];
      left[direction] = planned[direction].shift();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
