/** Something to show to a registry, and where it came from. */
export interface Credential {
  readonly username: string;
  readonly password: string;
  /** A refresh token of the token server, instead of name and password. */
  readonly identityToken?: string;
  /** For messages: "user ada of /root/.docker/config.json". Never holds the password. */
  readonly source: string;
}

/** How docker.io is written in files of credentials. */
const hubKey = 'https://index.docker.io/v1/';

/** Keys under which a file of credentials may hold those for a repository, the most exact first. */
export function credentialKeys(registry: string, repository: string): string[] {
  const parts = repository === '' ? [] : repository.split('/');
  const paths = parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join('/')}`);
  return [...paths, ...hostKeys(registry)];
}

/** Keys of the registry as a whole; the first is the one that is written. */
export function hostKeys(registry: string): string[] {
  return registry === 'docker.io'
    ? [hubKey, 'docker.io', 'index.docker.io', 'registry-1.docker.io']
    : [registry, `https://${registry}`, `http://${registry}`];
}

/** A key of a file as it compares: without scheme, API version and last slash. */
export function plainKey(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/$/, '');
}
