import { Problem } from '@seal/foundation';
import type { Cluster } from './cluster.ts';

/** RFC 1123 label, short enough to be part of unit and file names. */
export const clusterNamePattern = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/**
 * Gives back `cluster` if it is complete enough to be installed: an image, a usable name, at least one master.
 *
 * Problems: USAGE (no image, bad name), NO_MASTER.
 */
export function checkCluster(cluster: Cluster): Cluster {
  if (cluster.image === '')
    throw new Problem('USAGE', 'no ClusterImage was named', {
      remedy: 'Name it as the first argument of "sealctl run" or as spec.image of the Clusterfile.',
    });
  if (!clusterNamePattern.test(cluster.name))
    throw new Problem('USAGE', `"${cluster.name}" is no name for a cluster`, {
      remedy: 'Use at most 40 lower-case letters, digits and "-", beginning and ending with a letter or digit.',
    });
  if (!cluster.hosts.some((host) => host.role === 'master'))
    throw new Problem(
      'NO_MASTER',
      `cluster ${cluster.name} was asked for with ${cluster.hosts.length} host${cluster.hosts.length === 1 ? '' : 's'} and no master`,
    );
  return cluster;
}
