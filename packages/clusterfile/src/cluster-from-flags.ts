import { Problem } from '@seal/foundation';
import { checkCluster } from './check-cluster.ts';
import type { Cluster, HostSpec } from './cluster.ts';
import { clusterDefaults } from './cluster-defaults.ts';
import { type HostFlags, hostSpecs } from './host-specs.ts';

/** The flags of `sealctl run` that say what a cluster should be. */
export interface ClusterFlags extends HostFlags {
  readonly name?: string;
  readonly image?: string;
  /** Further images. */
  readonly images?: readonly string[];
  /** -e: `K=V` each. */
  readonly env?: readonly string[];
  /** --cmds: shell lines that replace CMD and LAUNCH of the images. */
  readonly cmds?: readonly string[];
}

/** The Cluster that flags alone ask for. Problems: HOSTS_INVALID, NO_MASTER, USAGE (no image, bad name, bad -e). */
export function clusterFromFlags(flags: ClusterFlags): Cluster {
  return mergeFlags(clusterDefaults, flags);
}

/**
 * The Cluster of `run -f Clusterfile` with flags beside it: name and images of the flags win, env wins key by key, cmds replace,
 * hosts are added (a host named in both must have the same role).
 *
 * Problems: HOSTS_INVALID, NO_MASTER, USAGE.
 */
export function mergeFlags(cluster: Cluster, flags: ClusterFlags): Cluster {
  const { images: fromFile = [], ...rest } = cluster;
  const images = flags.image ? (flags.images ?? []) : fromFile;
  return checkCluster({
    ...rest,
    name: flags.name || cluster.name,
    image: flags.image || cluster.image,
    ...(images.length > 0 ? { images: [...images] } : {}),
    env: { ...cluster.env, ...readEnv(flags.env ?? []) },
    cmds: flags.cmds && flags.cmds.length > 0 ? [...flags.cmds] : cluster.cmds,
    hosts: mergeHosts(cluster.hosts, hostSpecs(flags)),
  });
}

/** `K=V` each. Problem: USAGE. */
export function readEnv(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const match = /^([A-Za-z_][A-Za-z0-9_]*)=([^\0]*)$/s.exec(pair);
      if (!match) throw new Problem('USAGE', `"${pair}" is no environment variable; expected NAME=VALUE`);
      return [match[1]!, match[2]!];
    }),
  );
}

function mergeHosts(fromFile: readonly HostSpec[], fromFlags: readonly HostSpec[]): HostSpec[] {
  const roles = new Map(fromFile.map((host) => [host.ip, host.role]));
  for (const host of fromFlags) {
    const role = roles.get(host.ip);
    if (role && role !== host.role)
      throw new Problem('HOSTS_INVALID', `${host.ip} is a ${role} in the Clusterfile and a ${host.role} in the flags`);
  }
  return [...fromFile, ...fromFlags.filter((host) => !roles.has(host.ip))];
}
