import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { type ClusterFacts, type ClusterNode, type ClusterRecord, chooseRuntime } from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';
import { cleanHost, tellAway } from './host-removal.ts';
import { countRoles } from './install-phases.ts';
import { makeContext, nodeAt, nodeFromHost, nodeFromMember } from './make-context.ts';
import { recordedCluster } from './recorded-cluster.ts';

export interface DeleteClusterInput {
  readonly planId: string;
  readonly facts: ClusterFacts;
  /** Leave out hosts that are away, even all of them: then nothing but the record goes. */
  readonly force: boolean;
}

/**
 * The plan that gives every host back as it was found: the newest worker first, the first master last. Nothing is drained, there is nothing to keep.
 * Agents and their enrolment stay.
 *
 * A plan without phases (`force`, and no host is connected) says that only the record is to be removed.
 *
 * Problem: NODE_NOT_CONNECTED (a host is away and no `force`).
 */
export function planDeleteCluster({ planId, facts, force }: DeleteClusterInput): Plan {
  const record = recordedCluster(facts);
  const all = membersAndBegun(facts, record);
  const away = all.filter((node) => !node.connected);
  const here = [...newestFirst(all, 'worker'), ...newestFirst(all, 'master')].filter((node) => node.connected);
  const names = away.map((node) => `${node.name} (${node.ip})`).join(', ');
  if (away.length > 0 && !force)
    throw new Problem('NODE_NOT_CONNECTED', `not connected to the server: ${names}`, {
      remedy: 'Bring these hosts back, or leave them as they are with --force.',
    });
  const runtime = chooseRuntime(facts.image);
  const context = makeContext(facts, record.spec, all);
  return assemblePlan({
    planId,
    kind: 'delete-cluster',
    cluster: record.name,
    baseRevision: record.revision,
    summary: `delete cluster ${record.name}: ${countRoles(all)}${tellAway(away)}`,
    nodes: all,
    atEnd: { kind: 'cluster-removed' },
    phases: here.flatMap((node) => [...runtime.reset(context, [node]), cleanHost(context, node)]),
  });
}

/** An installation that stopped early may have begun on hosts that are not recorded as members yet. */
function membersAndBegun(facts: ClusterFacts, record: ClusterRecord): ClusterNode[] {
  const members = record.members.map((member) => nodeFromMember(facts, record, member));
  const begun = record.spec.hosts.flatMap((host) => {
    const seen = nodeAt(facts, host.ip);
    const other = !seen || members.some((member) => member.id === seen.id) || (seen.cluster ?? record.name) !== record.name;
    return other ? [] : [nodeFromHost(seen, host)];
  });
  return record.state === 'installing' || members.length === 0 ? [...members, ...begun] : members;
}

function newestFirst<T extends { readonly role: string }>(nodes: readonly T[], role: string): T[] {
  return nodes.filter((node) => node.role === role).toReversed();
}
