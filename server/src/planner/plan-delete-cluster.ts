import { Problem } from '@seal/foundation';
import type { PhaseDraft, Plan } from '@seal/plan';
import {
  type ClusterContext,
  type ClusterFacts,
  type ClusterNode,
  type ClusterRecord,
  type ClusterRuntime,
  chooseRuntime,
  workersAtOnce,
} from '@seal/runtime';
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
  /** Only these nodes, by id, besides recorded members: the others have seen nothing of the cluster. Absent: every host that may have. */
  readonly begunOn?: ReadonlySet<string>;
}

/**
 * The plan that gives every host back as it was found: the workers side by side, then the masters one by one, the first one last. Nothing is
 * drained, there is nothing to keep. No master is touched while a worker's cleaning has failed. Agents and their enrolment stay.
 *
 * A plan without phases (`force`, and no host is connected) says that only the record is to be removed.
 *
 * Problem: NODE_NOT_CONNECTED (a host is away and no `force`).
 */
export function planDeleteCluster({ planId, facts, force, begunOn }: DeleteClusterInput): Plan {
  const record = recordedCluster(facts);
  const all = membersAndBegun(facts, record, begunOn);
  const away = all.filter((node) => !node.connected);
  const here = (role: string) => newestFirst(all, role).filter((node) => node.connected);
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
    atEnd: [{ kind: 'cluster-removed' }],
    phases: [
      ...returnWorkers(context, runtime, here('worker')),
      ...here('master').flatMap((node) => returnMaster(context, runtime, node)),
    ],
  });
}

/** Each worker is done with before it makes room for another. */
function returnWorkers(context: ClusterContext, runtime: ClusterRuntime, workers: readonly ClusterNode[]): PhaseDraft[] {
  const steps = workers.flatMap((node) => [
    ...runtime.reset(context, [node]).flatMap((phase) => phase.steps),
    ...cleanHost(context, node).steps,
  ]);
  const title = 'Reset the workers and give them back as they were found';
  return [{ name: 'return-workers', title, destructive: true, parallelism: workersAtOnce, steps }];
}

function returnMaster(context: ClusterContext, runtime: ClusterRuntime, node: ClusterNode): PhaseDraft[] {
  return [...runtime.reset(context, [node]), cleanHost(context, node)].map((phase) => ({ ...phase, needsAll: true }));
}

/** An installation that stopped early may have begun on hosts that are not recorded as members yet. */
function membersAndBegun(facts: ClusterFacts, record: ClusterRecord, begunOn?: ReadonlySet<string>): ClusterNode[] {
  const members = record.members.map((member) => nodeFromMember(facts, record, member));
  const begun = record.spec.hosts.flatMap((host) => {
    const seen = nodeAt(facts, host.ip);
    const other = !seen || members.some((member) => member.id === seen.id) || (seen.cluster ?? record.name) !== record.name;
    return other || (begunOn && !begunOn.has(seen.id)) ? [] : [nodeFromHost(seen, host)];
  });
  return record.state === 'installing' || members.length === 0 ? [...members, ...begun] : members;
}

function newestFirst<T extends { readonly role: string }>(nodes: readonly T[], role: string): T[] {
  return nodes.filter((node) => node.role === role).toReversed();
}
