import { Problem } from '@seal/foundation';
import type { ClusterNode } from '@seal/runtime';

/**
 * Follows etcd through the removals in their order: each needs a majority of the members there are, and must leave a majority of those that
 * remain. A master whose agent is away counts as dead. Problem: QUORUM_LOST.
 */
export function checkQuorum(all: readonly ClusterNode[], leaving: readonly ClusterNode[]): void {
  let members = all.filter((node) => node.role === 'master');
  for (const node of leaving.filter((item) => item.role === 'master')) {
    requireMajority(members, `to remove ${node.name}`);
    members = members.filter((member) => member !== node);
    requireMajority(members, `after ${node.name} is removed`);
  }
}

function requireMajority(members: readonly ClusterNode[], when: string): void {
  const living = members.filter((member) => member.connected).length;
  const needed = Math.floor(members.length / 2) + 1;
  if (living >= needed) return;
  const dead = members.filter((member) => !member.connected).map((member) => `${member.name} (${member.ip})`);
  throw new Problem(
    'QUORUM_LOST',
    `etcd needs ${needed} of ${members.length} masters ${when}, and ${living} of them are connected; away: ${dead.join(', ')}`,
  );
}
