import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import { collect } from './options.ts';

export interface HostFlags {
  readonly masters?: readonly string[];
  readonly nodes?: readonly string[];
  readonly cluster?: string;
}

/** Adds -m, -n and --cluster. `verb` is what happens to the hosts. */
export function hostFlags(command: Command, verb: string): Command {
  return command
    .option('-m, --masters <hosts>', `masters to ${verb}: one address, a comma separated list, or a range FIRST-LAST`, collect)
    .option('-n, --nodes <hosts>', `workers to ${verb}, written like the masters`, collect)
    .option('--cluster <name>', 'name of the cluster (default: the only one)');
}

/** The addresses that -m and -n name, ranges expanded. Problems: HOSTS_INVALID; USAGE when there is none. */
export async function readHosts(flags: HostFlags): Promise<{ masters: string[]; workers: string[] }> {
  const { hostSpecs } = await import('@seal/clusterfile');
  const specs = hostSpecs({ masters: flags.masters ?? [], nodes: flags.nodes ?? [] });
  if (specs.length === 0)
    throw new Problem('USAGE', 'no host is named', {
      remedy: 'Name hosts with -m (masters) and -n (workers): -n 10.0.0.14,10.0.0.15',
    });
  const ofRole = (role: 'master' | 'worker') => specs.filter((host) => host.role === role).map((host) => host.ip);
  return { masters: ofRole('master'), workers: ofRole('worker') };
}
