import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { Problem } from '@seal/foundation';
import { loadAll } from 'js-yaml';
import * as z from 'zod';

const schema = z.strictObject({
  /** Address (or name) under which agents and operators reach this server. Default: the first global address of the machine. */
  address: z.string().min(1).optional(),
  grpcPort: z.number().int().min(1).max(65535).default(7443),
  httpsPort: z.number().int().min(1).max(65535).default(7444),
  stateDirectory: z.string().startsWith('/').default('/var/lib/seal/server'),
  /** Directory of the unix sockets for local admins. */
  runDirectory: z.string().startsWith('/').default('/run/seal'),
  /** Directory with the agents' archives, `linux-<arch>.tar.gz`. */
  agentsDirectory: z.string().startsWith('/').default('/usr/local/lib/seal/server/agents'),
  heartbeatSeconds: z.number().int().min(1).max(300).default(15),
  /** How long an operation waits for a node that went away. */
  agentGraceSeconds: z.number().int().min(1).max(86_400).default(600),
  /** Output of steps is kept of this many newest operations, … */
  outputOperations: z.number().int().min(1).max(1_000_000).default(500),
  /** … of each for this long. Applied when the server starts. */
  outputDays: z.number().int().min(1).max(3650).default(30),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

export type ServerConfig = z.output<typeof schema> & { readonly address: string };

/**
 * The server's configuration: flags over the file (`/etc/seal/server.yaml`, optional) over defaults.
 * Problem: CONFIG_INVALID naming file, field and what was expected.
 */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  file = '/etc/seal/server.yaml',
  required = false,
): ServerConfig {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse({ ...readFile(file, required), ...given });
  if (!parsed.success)
    throw new Problem('CONFIG_INVALID', `the configuration (${file} and flags) is not valid: ${z.prettifyError(parsed.error)}`);
  return { ...parsed.data, address: parsed.data.address ?? ownAddress() };
}

function readFile(file: string, required: boolean): Record<string, unknown> {
  if (!existsSync(file)) {
    if (required) throw new Problem('CONFIG_INVALID', `the configuration file ${file} does not exist`);
    return {};
  }
  try {
    // A file of nothing but comments holds no document.
    const [settings, ...more] = loadAll(readFileSync(file, 'utf8'));
    if (more.length > 0) throw new Error('it holds more than one document');
    return (settings ?? {}) as Record<string, unknown>;
  } catch (error) {
    throw new Problem('CONFIG_INVALID', `${file} is not valid YAML: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found =
    addresses.find((entry) => !entry.internal && entry.family === 'IPv4') ?? addresses.find((entry) => !entry.internal);
  return found?.address ?? '127.0.0.1';
}
