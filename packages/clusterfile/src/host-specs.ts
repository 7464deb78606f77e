import { Problem } from '@seal/foundation';
import type { HostSpec } from './cluster.ts';
import { expandHosts } from './expand-hosts.ts';

export interface HostFlags {
  /** -m / --masters: addresses, comma lists and ranges. */
  readonly masters?: string | readonly string[];
  /** -n / --nodes: the same, for workers. */
  readonly nodes?: string | readonly string[];
}

/** The hosts that the flags -m and -n name: masters first, each in the order given. Problems: HOSTS_INVALID. */
export function hostSpecs(flags: HostFlags): HostSpec[] {
  const masters = expandHosts(joined(flags.masters));
  const workers = expandHosts(joined(flags.nodes));
  const both = workers.filter((ip) => masters.includes(ip));
  if (both.length > 0)
    throw new Problem(
      'HOSTS_INVALID',
      `${both.join(', ')} ${both.length === 1 ? 'is' : 'are'} named both as master and as node`,
      {
        details: { hosts: both },
      },
    );
  return [...masters.map((ip) => hostSpec(ip, 'master')), ...workers.map((ip) => hostSpec(ip, 'worker'))];
}

function joined(flag: string | readonly string[] | undefined): string {
  return flag === undefined ? '' : typeof flag === 'string' ? flag : flag.join(',');
}

function hostSpec(ip: string, role: HostSpec['role']): HostSpec {
  return { ip, role, env: {}, labels: {}, taints: [] };
}
