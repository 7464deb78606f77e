import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { Problem } from '@seal/foundation';
import type { RegistryOptions } from './registry-options.ts';

/** A certificate that is shown to a registry that asks for one, with its key, both PEM. */
export interface ClientCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface RegistryCertificates {
  /** Authorities to trust beside the well-known ones. */
  readonly caPem: readonly string[];
  readonly client: readonly ClientCertificate[];
}

/**
 * The certificates for the registry `name` as Docker and Podman keep them: `*.crt` of authorities, `*.cert` with `*.key` of clients. They
 * are read from `certDirectory` alone where that is given, else from ~/.config/containers, /etc/containers and /etc/docker, each with
 * certs.d/HOST[:PORT]. Throws REGISTRY_CONFIG_INVALID.
 */
export async function registryCertificates(name: string, options: RegistryOptions): Promise<RegistryCertificates> {
  const config = options.env.XDG_CONFIG_HOME || join(options.home, '.config');
  const parents = [join(config, 'containers'), '/etc/containers', '/etc/docker'];
  const only = options.certDirectory;
  const directories = only === undefined ? parents.map((parent) => join(parent, 'certs.d', name)) : [only];
  const caPem: string[] = [];
  const client: ClientCertificate[] = [];
  for (const directory of directories) {
    const names = await listDirectory(directory, only !== undefined);
    for (const file of names) {
      const path = join(directory, file);
      if (file.endsWith('.crt')) caPem.push(await readAuthorities(path));
      else if (file.endsWith('.cert')) client.push(await readPair(path, names));
      else if (file.endsWith('.key') && !names.includes(certOf(file)))
        throw new Problem('REGISTRY_CONFIG_INVALID', `beside ${path} there is no certificate ${certOf(file)}`);
    }
  }
  return { caPem, client };
}

/** A file with certificates of authorities. Throws REGISTRY_CONFIG_INVALID. */
export async function readAuthorities(path: string): Promise<string> {
  const text = await readPem(path);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  const absolute = isAbsolute(path) ? '' : ` (in ${process.cwd()})`;
  throw new Problem('REGISTRY_CONFIG_INVALID', `${path}${absolute} holds no certificate in PEM form`);
}

async function readPair(path: string, names: readonly string[]): Promise<ClientCertificate> {
  const keyName = path.replace(/\.cert$/, '.key');
  if (!names.some((name) => keyName.endsWith(`/${name}`)))
    throw new Problem('REGISTRY_CONFIG_INVALID', `beside ${path} there is no key ${keyName}`);
  const [certPem, keyPem] = [await readPem(path), await readPem(keyName)];
  try {
    if (new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) return { certPem, keyPem };
  } catch (cause) {
    // OpenSSL's words say what is wrong with the form; they quote nothing of a key.
    throw new Problem('REGISTRY_CONFIG_INVALID', `${path} and its key cannot be used: ${(cause as Error).message}`, { cause });
  }
  throw new Problem('REGISTRY_CONFIG_INVALID', `the key ${keyName} is not that of ${path}`);
}

async function listDirectory(directory: string, mustBe: boolean): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    if (!mustBe && ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
    throw new Problem('REGISTRY_CONFIG_INVALID', `cannot read ${directory}: ${(cause as Error).message}`, { cause });
  }
}

async function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw new Problem('REGISTRY_CONFIG_INVALID', `cannot read ${path}: ${cause.message}`, { cause });
  });
}

function certOf(key: string): string {
  return key.replace(/\.key$/, '.cert');
}
