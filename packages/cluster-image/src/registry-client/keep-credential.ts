import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';
import { writeFileDurably } from '../store/durable-file.ts';
import { type AuthFile, authFilePaths, loginFilePath, readAuthFile } from './auth-file.ts';
import { hostKeys, plainKey } from './credential.ts';
import { eraseWithHelper, storeWithHelper } from './credential-program.ts';
import { helperFor } from './find-credential.ts';
import type { RegistryOptions } from './registry-options.ts';

/** Keeps name and password for a registry: with the helper that the file names, else in the file (0600). Gives the place. */
export async function keepCredential(
  registry: string,
  { username, password }: { readonly username: string; readonly password: string },
  options: RegistryOptions,
): Promise<string> {
  const path = loginFilePath(options);
  const file = (await readAuthFile(path)) ?? {};
  const key = hostKeys(registry)[0]!;
  const helper = helperFor(file, registry);
  if (helper !== undefined) {
    await storeWithHelper(helper, key, { username, secret: password }, options.env);
    // Docker lists the registries of its helper with an empty entry.
    await writeAuthFile(path, { ...file, auths: { ...withoutRegistry(file, registry), [key]: {} } });
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeAuthFile(path, { ...file, auths: { ...withoutRegistry(file, registry), [key]: { auth } } });
  return path;
}

/** Forgets the credentials for a registry in every file that is looked into. Gives the places where there were any. */
export async function forgetCredential(registry: string, options: RegistryOptions): Promise<string[]> {
  const places: string[] = [];
  for (const path of authFilePaths(options)) {
    const file = await readAuthFile(path);
    if (!file) continue;
    const helper = helperFor(file, registry);
    if (helper !== undefined && (await eraseWithHelper(helper, hostKeys(registry)[0]!, options.env)))
      places.push(`docker-credential-${helper}`);
    const auths = withoutRegistry(file, registry);
    if (Object.keys(auths).length === Object.keys(file.auths ?? {}).length) continue;
    await writeAuthFile(path, { ...file, auths });
    places.push(path);
  }
  return places;
}

function withoutRegistry(file: AuthFile, registry: string): NonNullable<AuthFile['auths']> {
  const plain = new Set(hostKeys(registry).map(plainKey));
  return Object.fromEntries(Object.entries(file.auths ?? {}).filter(([key]) => !plain.has(plainKey(key))));
}

async function writeAuthFile(path: string, file: AuthFile): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileDurably(path, `${JSON.stringify(file, null, '\t')}\n`, 0o600);
  } catch (cause) {
    throw new Problem('REGISTRY_CONFIG_INVALID', `cannot write ${path}: ${(cause as Error).message}`, {
      details: { path },
      cause,
    });
  }
}
