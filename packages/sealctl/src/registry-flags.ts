import type { RegistryOptions } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import { type Command, Option } from 'commander';
import type { Cli } from './cli.ts';

/** The flags of every verb that speaks to a registry. */
export interface RegistryFlags {
  readonly insecure?: boolean;
  readonly tlsVerify?: 'true' | 'false';
  readonly certDir?: string;
  readonly ca?: string;
  readonly authfile?: string;
}

/** Adds `--insecure`, `--tls-verify`, `--ca`, `--cert-dir` and `--authfile`. */
export function addRegistryFlags(command: Command): Command {
  return command
    .option('--insecure', 'take any certificate of the registry, and plain HTTP where it speaks no TLS')
    .addOption(new Option('--tls-verify <boolean>', 'false: the same as --insecure').choices(['true', 'false']))
    .option('--ca <file>', 'certificates (PEM) of authorities to trust beside those of the system')
    .option('--cert-dir <dir>', 'directory with *.crt, *.cert and *.key, instead of certs.d/HOST[:PORT] of Podman and Docker')
    .option('--authfile <file>', 'file of credentials (default: those of Podman and Docker); also REGISTRY_AUTH_FILE');
}

/** The flags as the registry client wants them; what --insecure gives up is told on stderr, also with --quiet. */
export function registryOptions(cli: Cli, flags: RegistryFlags, signal?: AbortSignal): RegistryOptions {
  return {
    env: cli.io.env,
    home: cli.io.home,
    insecure: flags.insecure === true || flags.tlsVerify === 'false',
    onWarning: (message) => void cli.io.stderr.write(`${cli.errorPaint('yellow', 'warning:')} ${message}\n`),
    ...(flags.ca === undefined ? {} : { caFile: flags.ca }),
    ...(flags.certDir === undefined ? {} : { certDirectory: flags.certDir }),
    ...(flags.authfile === undefined ? {} : { authFile: flags.authfile }),
    ...(signal ? { signal } : {}),
  };
}

/** The architecture of "linux/arm64", "linux/arm64/v8" or "arm64". Problem: USAGE. */
export function readPlatform(platform: string | undefined): string | undefined {
  if (platform === undefined) return undefined;
  const match = /^(?:linux\/)?([a-z0-9]+)(?:\/v\d+)?$/.exec(platform);
  if (match?.[1] === undefined || match[1] === 'linux')
    throw new Problem('USAGE', `--platform "${platform}" is not linux/ARCHITECTURE, such as linux/amd64 or linux/arm64`);
  return match[1];
}

/** What `--platform A,B` or `--all-platforms` wants of an index; without both `default`. Problem: USAGE. */
export function readPlatforms(flags: {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
}): 'all' | 'default' | readonly string[] {
  if (flags.allPlatforms && flags.platform !== undefined)
    throw new Problem('USAGE', '--platform and --all-platforms are given; give one of them');
  if (flags.allPlatforms) return 'all';
  if (flags.platform === undefined) return 'default';
  return [...new Set(flags.platform.split(',').map((platform) => readPlatform(platform.trim()) ?? ''))];
}

/** Runs `work` with a signal that Ctrl-C aborts. */
export async function interruptible<T>(cli: Cli, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const restore = cli.io.onInterrupt(() => stop.abort());
  try {
    return await work(stop.signal);
  } finally {
    restore();
  }
}
