import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { Problem } from '@seal/foundation';

/**
 * Serves `status` as one line of JSON on a unix socket (0600), and holds the state directory: a second agent finds the socket answering.
 * Returns the function that ends it. Problem: AGENT_RUNNING.
 */
export async function openStatusSocket(path: string, status: () => object): Promise<() => Promise<void>> {
  if (await readStatus(path)) throw new Problem('AGENT_RUNNING', `another agent answers on ${path}`);
  await rm(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // whoever asked is gone
    socket.end(`${JSON.stringify(status())}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(path, { force: true });
  };
}

/** What the agent behind the socket says of itself; undefined when none answers. */
export async function readStatus(path: string): Promise<Record<string, unknown> | undefined> {
  const socket = createConnection(path);
  try {
    const answer = await text(socket);
    return JSON.parse(answer) as Record<string, unknown>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  } finally {
    socket.destroy();
  }
}
