import { type Host, pollUntil } from '../hosts/index.ts';

/** Waits until the server sees the agents of these hosts connected. */
export async function untilConnected(server: Host, hosts: readonly Host[], timeoutSeconds = 60): Promise<void> {
  let seen = 'nothing yet';
  await pollUntil(
    async () => {
      seen = (await server.mustRun('sealctl', ['nodes', '-o', 'json'])).stdout;
      const nodes = JSON.parse(seen) as { name: string; connected: boolean }[];
      return hosts.every((host) => nodes.some((node) => node.name === host.name && node.connected)) || undefined;
    },
    { timeoutSeconds, describe: () => `not every agent is connected; the server sees: ${seen}` },
  );
}
