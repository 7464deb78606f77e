import type { CommandOptions, Host } from '../hosts/index.ts';

/** A new token's install line, made by sealctl on the server. `flags` are those of `sealctl token create`. */
export async function createInstallLine(server: Host, flags: readonly string[] = []): Promise<string> {
  const { stdout } = await server.mustRun('sealctl', ['token', 'create', '-o', 'json', ...flags]);
  return (JSON.parse(stdout) as { installCommand: string }).installCommand;
}

/** Installs an agent on each host with one token and the line that the server gives. */
export async function installAgents(server: Host, hosts: readonly Host[], options: CommandOptions = {}): Promise<void> {
  const line = await createInstallLine(server, ['--uses', String(hosts.length)]);
  await Promise.all(hosts.map((host) => host.sh(line, { timeoutSeconds: 180, ...options })));
}
