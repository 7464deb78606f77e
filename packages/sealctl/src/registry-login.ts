import { Problem } from '@seal/foundation';
import type { Cli } from './cli.ts';
import { readPassword } from './read-password.ts';
import { type RegistryFlags, registryOptions } from './registry-flags.ts';

export interface RegistryLoginFlags extends RegistryFlags {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

const hostPattern = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?$/;

/** Logs in to a registry and keeps the credentials. Problems: USAGE, REGISTRY_UNAUTHORIZED, REGISTRY_UNREACHABLE, REGISTRY_CONFIG_INVALID. */
export async function loginToRegistry(cli: Cli, host: string, flags: RegistryLoginFlags): Promise<void> {
  checkHost(host);
  if (flags.username === undefined && !cli.io.canAsk)
    throw new Problem('USAGE', 'there is no terminal to ask for the user name on', { remedy: 'Give it with -u NAME.' });
  const username = flags.username ?? (await cli.io.ask(`User name for ${host}: `)).trim();
  if (username === '' || username.includes(':')) throw new Problem('USAGE', `the user name "${username}" is empty or has a ":"`);
  const password = await readPassword(cli, `Password of ${username} at ${host}: `, flags.passwordStdin === true);
  const { registryLogin } = await import('@seal/cluster-image');
  const place = await registryLogin(host, { username, password }, registryOptions(cli, flags));
  const isFile = !place.startsWith('docker-credential-');
  cli.note(`Logged in to ${host} as ${username}; kept ${isFile ? `in ${place} (not encrypted)` : `by ${place}`}.`);
}

/** Forgets the credentials for a registry. Problem: REGISTRY_CONFIG_INVALID. */
export async function logoutOfRegistry(cli: Cli, host: string, flags: RegistryFlags): Promise<void> {
  checkHost(host);
  const { forgetCredential } = await import('@seal/cluster-image');
  const places = await forgetCredential(host, registryOptions(cli, flags));
  cli.note(
    places.length === 0 ? `Nobody was logged in to ${host}.` : `Logged out of ${host}; forgotten by ${places.join(' and ')}.`,
  );
}

/** Whether the argument of `login` is meant as a registry: it is no file, and a host with a port or a dot, but no `*.seal`. */
export function isRegistryName(argument: string, isFile: boolean): boolean {
  return !isFile && hostPattern.test(argument) && /[.:]/.test(argument) && !/\.(seal|json)$/.test(argument);
}

function checkHost(host: string): void {
  if (hostPattern.test(host)) return;
  throw new Problem('USAGE', `"${host}" is not the HOST[:PORT] of a registry`, {
    remedy: 'Write it without "https://" and without a path, such as "registry.example:5000" or "docker.io".',
  });
}
