import { type Host, pollUntil } from '../hosts/index.ts';

/** Waits until the server sees the agents of these hosts connected. */
export async function untilConnected(server: Host, hosts: readonly Host[], timeoutSeconds = 60): Promise<void> {
  let seen = 'nothing yet';
  await pollUntil(
    async () => {
      const { code, stdout, stderr } = await server.run('sealctl', ['nodes', '-o', 'json']);
      seen = stdout || stderr;
      if (code !== 0) return undefined;
      const nodes = JSON.parse(stdout) as { name: string; connected: boolean }[];
      return hosts.every((host) => nodes.some((node) => node.name === host.name && node.connected)) || undefined;
    },
    { timeoutSeconds, describe: () => `not every agent is connected; the server sees: ${seen}` },
  );
}
