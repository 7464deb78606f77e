import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import * as z from 'zod';
import type { Context } from './context.ts';

const address = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'expected host:port');
const contextFile = z.object({ grpcAddress: address, httpsAddress: address });
const configFile = z.object({ currentContext: z.string().optional() });
const contextName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Means the server of this machine wherever a context is named; no context can have this name. */
export const localContextName = 'local';

export interface ContextStore {
  /** Names, sorted. */
  list(): Promise<string[]>;
  /** Problems: CONTEXT_NOT_FOUND, CONTEXT_INVALID (broken file, key readable by others). */
  read(name: string): Promise<Context>;
  /** Makes or replaces a context. */
  write(context: Context): Promise<void>;
  /** A context that does not exist: CONTEXT_NOT_FOUND. Removing the current one leaves none current. */
  remove(name: string): Promise<void>;
  current(): Promise<string | undefined>;
  /** Makes a context the current one. Problem: CONTEXT_NOT_FOUND. */
  use(name: string): Promise<void>;
}

/**
 * Contexts below `directory` (usually ~/.config/seal): config.json and contexts/<name>/{context.json,ca.crt,client.crt,client.key}.
 * Directories are made 0700 and files 0600; every file is written beside and renamed.
 */
export function openContextStore(directory: string): ContextStore {
  const placeOf = (name: string) => join(directory, 'contexts', checkName(name));
  const configPath = join(directory, 'config.json');

  const store: ContextStore = {
    async list() {
      const entries = await readdir(join(directory, 'contexts'), { withFileTypes: true }).catch(absentIs([]));
      return entries
        .filter((entry) => entry.isDirectory() && contextName.test(entry.name))
        .map((entry) => entry.name)
        .sort();
    },
    async read(name) {
      const place = placeOf(name);
      const text = await readFile(join(place, 'context.json'), 'utf8').catch(absentIs(undefined));
      if (text === undefined) throw notFound(name, await store.list());
      const addresses = parseJson(join(place, 'context.json'), text, contextFile);
      await refuseExposedKey(join(place, 'client.key'));
      const [caPem, certificatePem, keyPem] = await Promise.all(
        ['ca.crt', 'client.crt', 'client.key'].map((file) => readCredential(join(place, file))),
      );
      return { name, ...addresses, credentials: { caPem: caPem!, certificatePem: certificatePem!, keyPem: keyPem! } };
    },
    async write({ name, grpcAddress, httpsAddress, credentials }) {
      const place = placeOf(name);
      const addresses = parseJson(`context ${name}`, JSON.stringify({ grpcAddress, httpsAddress }), contextFile);
      await mkdir(place, { recursive: true, mode: 0o700 });
      await writePrivate(join(place, 'ca.crt'), credentials.caPem);
      await writePrivate(join(place, 'client.crt'), credentials.certificatePem);
      await writePrivate(join(place, 'client.key'), credentials.keyPem);
      // Last: a context exists once this file does.
      await writePrivate(join(place, 'context.json'), `${JSON.stringify(addresses, null, 2)}\n`);
    },
    async remove(name) {
      if (!(await store.list()).includes(name)) throw notFound(name, await store.list());
      if ((await store.current()) === name) await writeConfig(directory, {});
      await rm(placeOf(name), { recursive: true });
    },
    async current() {
      const text = await readFile(configPath, 'utf8').catch(absentIs(undefined));
      return text === undefined ? undefined : parseJson(configPath, text, configFile).currentContext;
    },
    async use(name) {
      const names = await store.list();
      if (!names.includes(name)) throw notFound(name, names);
      await writeConfig(directory, { currentContext: name });
    },
  };
  return store;
}

function checkName(name: string): string {
  if (!contextName.test(name) || name === localContextName)
    throw new Problem('CONTEXT_INVALID', `"${name}" cannot be the name of a context`, {
      remedy: `Use 1 to 63 letters, digits, ".", "_" or "-", beginning with a letter or digit; "${localContextName}" is reserved.`,
    });
  return name;
}

function notFound(name: string, names: readonly string[]): Problem {
  return new Problem(
    'CONTEXT_NOT_FOUND',
    `there is no context "${name}"${names.length > 0 ? ` (there are: ${names.join(', ')})` : ''}`,
  );
}

function parseJson<T>(path: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Problem('CONTEXT_INVALID', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Problem('CONTEXT_INVALID', `${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function readCredential(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(absentIs(undefined));
  if (text === undefined) throw new Problem('CONTEXT_INVALID', `${path} is missing`);
  return text;
}

async function refuseExposedKey(path: string): Promise<void> {
  const found = await stat(path).catch(absentIs(undefined));
  if (found && (found.mode & 0o077) !== 0)
    throw new Problem(
      'CONTEXT_INVALID',
      `the key ${path} may be read by others (mode 0${(found.mode & 0o777).toString(8)}, expected 0600)`,
      { remedy: `Run "chmod 600 ${path}"; if others had access to this machine, get a new certificate with "sealctl login".` },
    );
}

async function writeConfig(directory: string, config: z.infer<typeof configFile>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writePrivate(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** Writes beside and renames, so that a reader never sees half a file; the file is 0600 from its first byte. */
async function writePrivate(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}

/** For catch: the given value where a file or directory does not exist; any other error goes on. */
function absentIs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value;
    throw error;
  };
}
