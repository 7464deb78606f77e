import { Problem } from '@seal/foundation';

/** The variables of an environment that say which web proxy is asked, in the words of `proxyEnv` of Node's agents. */
export type ProxySettings = Readonly<Record<'http_proxy' | 'https_proxy' | 'no_proxy', string | undefined>>;

/** This machine itself is never reached through a proxy. */
const own = 'localhost,127.0.0.1,[::1]';

/**
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY (or in small letters, which go first) of an environment; undefined where it names no proxy.
 * Throws REGISTRY_CONFIG_INVALID for what is no http:// or https:// address; the message does not hold it, since it may have a password.
 */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const read = (name: string) => env[name] || env[name.toUpperCase()] || undefined;
  const [http_proxy, https_proxy, no_proxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map(read);
  if (http_proxy === undefined && https_proxy === undefined) return undefined;
  for (const [name, value] of Object.entries({ http_proxy, https_proxy }))
    if (value !== undefined && !(URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)))
      throw new Problem('REGISTRY_CONFIG_INVALID', `${name.toUpperCase()} of the environment is not an http:// address`);
  return { http_proxy, https_proxy, no_proxy: no_proxy === undefined ? own : `${no_proxy},${own}` };
}
