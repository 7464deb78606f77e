import { readFile } from 'node:fs/promises';
import { Problem } from '@seal/foundation';
import { load } from 'js-yaml';
import * as z from 'zod';
import { type ClientCertificate, readAuthorities, registryCertificates } from './registry-certificates.ts';
import type { RegistryOptions } from './registry-options.ts';

/** A place to speak to: a registry, or a mirror of one. */
export interface Endpoint {
  /** HOST[:PORT] that is connected to. */
  readonly host: string;
  /** Name under which credentials and certificates are looked up, and that messages use. */
  readonly name: string;
  /** Put before every repository, with a slash at its end; "" for none. */
  readonly prefix: string;
  readonly insecure: boolean;
  readonly caPem: readonly string[];
  /** Shown to this host alone, when it asks. */
  readonly clientCertificates: readonly ClientCertificate[];
  readonly isMirror: boolean;
}

const hostPattern = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?$/;
const prefixPattern = /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\/)*$/;

const mirrorSchema = z.union([
  z.string(),
  z.strictObject({ address: z.string(), insecure: z.boolean().optional(), ca: z.string().optional() }),
]);
const settingsSchema = z.strictObject({
  registries: z
    .record(
      z.string().regex(hostPattern, 'expected HOST[:PORT]'),
      z.strictObject({ insecure: z.boolean().optional(), ca: z.string().optional(), mirrors: z.array(mirrorSchema).optional() }),
    )
    .nullish(),
});

/**
 * Where to ask for the images of a registry: its mirrors in order, then itself; `mirrors: false` (a push, a login) only itself.
 * Throws REGISTRY_CONFIG_INVALID.
 */
export async function registryEndpoints(registry: string, options: RegistryOptions, mirrors: boolean): Promise<Endpoint[]> {
  const { path, settings } = await readSettings(options);
  const own = settings.registries?.[registry];
  const endpoints: Endpoint[] = [];
  for (const mirror of mirrors ? (own?.mirrors ?? []) : []) {
    const { address, insecure, ca } = typeof mirror === 'string' ? { address: mirror } : mirror;
    const [host = '', ...rest] = address.split('/');
    const prefix = rest
      .filter(Boolean)
      .map((part) => `${part}/`)
      .join('');
    if (!hostPattern.test(host) || !prefixPattern.test(prefix))
      throw new Problem('REGISTRY_CONFIG_INVALID', `${path}: the mirror "${address}" of ${registry} is not HOST[:PORT][/PATH]`);
    endpoints.push(await makeEndpoint(host, host, prefix, { insecure, ca, isMirror: true }, options));
  }
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  endpoints.push(await makeEndpoint(host, registry, '', { insecure: own?.insecure, ca: own?.ca, isMirror: false }, options));
  return endpoints;
}

async function makeEndpoint(
  host: string,
  name: string,
  prefix: string,
  own: { insecure: boolean | undefined; ca: string | undefined; isMirror: boolean },
  options: RegistryOptions,
): Promise<Endpoint> {
  const files = [...(own.ca ? [own.ca] : []), ...(options.caFile ? [options.caFile] : [])];
  // A directory that is named is one of the registry that is named, not of mirrors that a file names.
  const { certDirectory: _named, ...ofMirror } = options;
  const found = await registryCertificates(name, own.isMirror ? ofMirror : options);
  const given = options.caPem === undefined ? [] : [options.caPem];
  const caPem = [...(await Promise.all(files.map(readAuthorities))), ...given, ...found.caPem];
  // --insecure is said of the registry that is named, not of mirrors that a file names.
  const insecure = own.insecure ?? (options.insecure === true && !own.isMirror);
  return { host, name, prefix, insecure, caPem, clientCertificates: found.client, isMirror: own.isMirror };
}

async function readSettings(options: RegistryOptions) {
  const path = options.settingsFile ?? options.env.SEAL_REGISTRIES ?? '/etc/seal/registries.yaml';
  const refuse = (why: string, cause?: unknown) =>
    new Problem('REGISTRY_CONFIG_INVALID', `${path} ${why}`, { details: { path }, cause });
  let value: unknown;
  try {
    value = load(await readFile(path, 'utf8')) ?? {};
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { path, settings: {} };
    throw refuse(`cannot be read: ${(cause as Error).message}`, cause);
  }
  const parsed = settingsSchema.safeParse(value);
  if (parsed.success) return { path, settings: parsed.data };
  const [issue] = parsed.error.issues;
  throw refuse(`is not valid at "${issue?.path.join('.') || '(top)'}": ${issue?.message}`);
}
