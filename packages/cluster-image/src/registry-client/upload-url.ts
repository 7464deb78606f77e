import { Problem } from '@seal/foundation';
import type { RegistryConnection } from './registry-connection.ts';

/**
 * Where an upload goes on, of a Location header. Only addresses of the registry itself are taken: an image and the credentials for it
 * go nowhere else than where the user sent them. Throws REGISTRY_PROTOCOL.
 */
export function uploadUrl(
  { endpoint, origin }: Pick<RegistryConnection, 'endpoint' | 'origin'>,
  location: string | undefined,
): URL {
  const refuse = (why: string) =>
    new Problem(
      'REGISTRY_PROTOCOL',
      `the registry ${endpoint.name} wants an upload to go on at "${(location ?? '').slice(0, 200)}": ${why}`,
      {
        details: { registry: endpoint.name, location },
      },
    );
  if (location === undefined || location === '') throw refuse('it gives no Location');
  // A browser's parser drops control characters and turns "\" into "/": what was checked would not be what is used.
  if (/[^\x21-\x7e]|\\/.test(location)) throw refuse('it has characters that no address has');
  if (!URL.canParse(location, origin.href)) throw refuse('it is not an address');
  const url = new URL(location, origin);
  if (url.username !== '' || url.password !== '') throw refuse('it has a user or password in it');
  if (url.origin !== origin.origin) throw refuse(`it is not of ${origin.origin}`);
  if (/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(location.split('?')[0] ?? '')) throw refuse('its path has "." or ".." in it');
  return url;
}
