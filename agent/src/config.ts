import { readFileSync } from 'node:fs';
import { Problem } from '@seal/foundation';
import { loadAll } from 'js-yaml';
import * as z from 'zod';

export const defaultConfigPath = '/etc/seal/agent.yaml';

const port = z.number().int().min(1).max(65535);
const directory = z.string().startsWith('/');

const schema = z.strictObject({
  /** Host name or address of the server. Default, as for the ports: the server that this host enrolled with. */
  server: z.string().min(1).optional(),
  grpcPort: port.optional(),
  httpsPort: port.optional(),
  stateDirectory: directory.default('/var/lib/seal/agent'),
  /** In memory: what processes read from stdin goes through it. */
  runDirectory: directory.default('/run/seal/agent'),
  /** Rootfs of clusters are `<dataRoot>/<cluster>/rootfs`. */
  dataRoot: directory.default('/var/lib/seal/data'),
  hostsFile: directory.default('/etc/hosts'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Steps that run at a time, of all operations together. */
  concurrentSteps: z.number().int().min(1).max(256).default(8),
  /** Between TERM and KILL when a step is cancelled or runs out of time. */
  cancelGraceSeconds: z.number().min(0).max(3600).default(10),
  /** How long an unpacked layer stays that no rootfs of this host uses any more; 0 removes it at once. */
  keepUnusedLayersDays: z.number().min(0).max(3650).default(7),
});

/** The agent's settings. */
export type AgentConfig = z.output<typeof schema>;
export type AgentSettings = z.input<typeof schema>;

export interface ConfigSources {
  /** Settings of the command line; undefined ones do not count. */
  readonly flags: { readonly [K in keyof AgentSettings]?: AgentSettings[K] | undefined };
  /** A file that was named must be there; the default one may be missing. */
  readonly path?: string | undefined;
}

/** Flags before the file before the defaults. Problem: AGENT_CONFIG_INVALID. */
export function loadConfig({ flags, path }: ConfigSources): AgentConfig {
  const file = path ?? defaultConfigPath;
  const written = readSettings(file, path !== undefined);
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse({ ...written, ...given });
  if (parsed.success) return parsed.data;
  throw new Problem('AGENT_CONFIG_INVALID', `${file} or the flags are not valid: ${z.prettifyError(parsed.error)}`);
}

function readSettings(path: string, required: boolean): Record<string, unknown> {
  try {
    // A file of nothing but comments holds no document.
    const [value = {}, ...more]: unknown[] = loadAll(readFileSync(path, 'utf8'));
    if (more.length > 0) throw new Error('it holds more than one document');
    if (value === null) return {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error('it is not a mapping of settings');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !required) return {};
    throw new Problem('AGENT_CONFIG_INVALID', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
