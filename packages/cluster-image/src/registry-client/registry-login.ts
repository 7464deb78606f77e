import { keepCredential } from './keep-credential.ts';
import { connectRegistry } from './registry-connection.ts';
import type { RegistryOptions } from './registry-options.ts';
import { registryEndpoints } from './registry-settings.ts';

/**
 * Shows name and password to a registry, and keeps them only when it takes them. Gives the place where they are kept: a file, or the
 * helper that the file names. Throws REGISTRY_UNAUTHORIZED, REGISTRY_UNREACHABLE, REGISTRY_CONFIG_INVALID.
 */
export async function registryLogin(
  registry: string,
  user: { readonly username: string; readonly password: string },
  options: RegistryOptions,
): Promise<string> {
  const [endpoint] = await registryEndpoints(registry, options, false);
  const credential = { ...user, source: `user ${user.username}, given now` };
  const connection = await connectRegistry(endpoint!, '', options, credential);
  try {
    const reply = await connection.request({ method: 'GET', target: '/v2/', scope: '' });
    reply.body.resume();
  } finally {
    connection.close();
  }
  return keepCredential(registry, user, options);
}
