import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import * as z from 'zod';
import type { RegistryOptions } from './registry-options.ts';

const authSchema = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});

const authFileSchema = z.looseObject({
  auths: z.record(z.string(), authSchema).nullish(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
});

/** The part of a Docker or Podman configuration that concerns credentials; all else is kept as it is. */
export type AuthFile = z.infer<typeof authFileSchema>;

/** The files in which credentials are looked up, in order; as containers-auth.json(5) has it. */
export function authFilePaths({ env, home, authFile }: RegistryOptions): string[] {
  const only = authFile ?? env.REGISTRY_AUTH_FILE;
  if (only) return [only];
  return [
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'containers/auth.json')] : []),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
    dockerConfigPath(env, home),
  ];
}

/** The file that login writes: the one that was asked for, else Docker's, which Podman, skopeo and buildah read too. */
export function loginFilePath({ env, home, authFile }: RegistryOptions): string {
  return authFile ?? env.REGISTRY_AUTH_FILE ?? dockerConfigPath(env, home);
}

/** A file of credentials, or undefined when it is missing. Throws REGISTRY_CONFIG_INVALID; the message holds nothing of its content. */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new Problem('REGISTRY_CONFIG_INVALID', `cannot read ${path}: ${(cause as Error).message}`, {
      details: { path },
      cause,
    });
  }
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words quote the text, which may be a secret.
    throw new Problem('REGISTRY_CONFIG_INVALID', `${path} is not JSON`, { details: { path } });
  }
  const parsed = authFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') || '(top)';
  throw new Problem('REGISTRY_CONFIG_INVALID', `${path} is not a configuration of Docker or Podman at "${where}"`, {
    details: { path },
  });
}

function dockerConfigPath(env: RegistryOptions['env'], home: string): string {
  return join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
}
