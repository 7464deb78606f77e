import { type AuthFile, authFilePaths, readAuthFile } from './auth-file.ts';
import { type Credential, credentialKeys, hostKeys, plainKey } from './credential.ts';
import { getFromHelper } from './credential-program.ts';
import type { RegistryOptions } from './registry-options.ts';

/**
 * What to show to a registry for a repository ("" for the registry as a whole): the first that the files of Docker and Podman or their
 * helpers have, the most exact key first. Undefined: nobody logged in. Throws REGISTRY_CONFIG_INVALID.
 */
export async function findCredential(
  registry: string,
  repository: string,
  options: RegistryOptions,
): Promise<Credential | undefined> {
  for (const path of authFilePaths(options)) {
    const file = await readAuthFile(path);
    if (!file) continue;
    const found = (await fromHelper(file, path, registry, options)) ?? fromEntries(file, path, registry, repository);
    if (found) return found;
  }
  return undefined;
}

/** The helper that a file names for a registry, if any. */
export function helperFor(file: AuthFile, registry: string): string | undefined {
  const exact = Object.entries(file.credHelpers ?? {}).find(([key]) =>
    hostKeys(registry).some((host) => plainKey(host) === plainKey(key)),
  );
  return exact?.[1] ?? (file.credsStore || undefined);
}

async function fromHelper(
  file: AuthFile,
  path: string,
  registry: string,
  { env }: RegistryOptions,
): Promise<Credential | undefined> {
  const helper = helperFor(file, registry);
  if (helper === undefined) return undefined;
  const secret = await getFromHelper(helper, hostKeys(registry)[0]!, env);
  if (!secret) return undefined;
  const source = `docker-credential-${helper} (of ${path})`;
  // Helpers mark a refresh token by this name.
  if (secret.username === '<token>') return { username: '', password: '', identityToken: secret.secret, source };
  return { username: secret.username, password: secret.secret, source: `user ${secret.username} of ${source}` };
}

function fromEntries(file: AuthFile, path: string, registry: string, repository: string): Credential | undefined {
  const entries = new Map(Object.entries(file.auths ?? {}).map(([key, entry]) => [plainKey(key), entry]));
  for (const key of credentialKeys(registry, repository)) {
    const entry = entries.get(plainKey(key));
    if (!entry) continue;
    const decoded = Buffer.from(entry.auth ?? '', 'base64')
      .toString('utf8')
      .replaceAll('\0', '');
    const colon = decoded.indexOf(':');
    const username = colon > 0 ? decoded.slice(0, colon) : (entry.username ?? '');
    const password = colon > 0 ? decoded.slice(colon + 1) : (entry.password ?? '');
    if (entry.identitytoken)
      return { username, password, identityToken: entry.identitytoken, source: `the identity token of ${path}` };
    if (username !== '') return { username, password, source: `user ${username} of ${path}` };
  }
  return undefined;
}
