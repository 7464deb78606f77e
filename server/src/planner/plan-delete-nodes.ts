import { Problem } from '@seal/foundation';
import type { PhaseDraft, Plan } from '@seal/plan';
import {
  type ClusterContext,
  type ClusterFacts,
  type ClusterNode,
  type ClusterRecord,
  chooseRuntime,
  registryOf,
} from '@seal/runtime';
import { assemblePlan, withRecord } from './assemble-plan.ts';
import { checkQuorum } from './check-quorum.ts';
import { cleanHost, tellAway } from './host-removal.ts';
import { countRoles } from './install-phases.ts';
import { makeContext, nodeFromMember } from './make-context.ts';
import { realias, recordedCluster } from './recorded-cluster.ts';

export interface DeleteNodesInput {
  readonly planId: string;
  readonly facts: ClusterFacts;
  /** Addresses, names or node ids of members. */
  readonly nodes: readonly string[];
  /** Go on where a drain fails or a host is gone. Never goes below etcd's majority. */
  readonly force: boolean;
  /** Do not drain: pods go down with their node. */
  readonly skipDrain?: boolean;
}

/**
 * The plan that takes nodes out of a cluster that goes on: workers first, then masters, each wholly before the next; of the masters those that are
 * away first, so that etcd's majority is of those that live.
 *
 * Problems: NODE_NOT_FOUND, LAST_MASTER, QUORUM_LOST, NODE_NOT_CONNECTED (away and no `force`; no master left to work through), REGISTRY_NODE.
 */
export function planDeleteNodes({ planId, facts, nodes: names, force, skipDrain = false }: DeleteNodesInput): Plan {
  const record = recordedCluster(facts);
  const all = record.members.map((member) => nodeFromMember(facts, record, member));
  const leaving = inOrder(names.map((name) => findMember(record, all, name)));
  const staying = all.filter((node) => !leaving.includes(node));
  const away = leaving.filter((node) => !node.connected);
  const apiNode = staying.find((node) => node.role === 'master' && node.connected);
  refuse({ record, facts, all, leaving, staying, away, apiNode, force });
  const runtime = chooseRuntime(facts.image);
  const context = makeContext(facts, record.spec, staying, apiNode);
  const mastersChange = leaving.some((node) => node.role === 'master');
  const unaware = mastersChange ? staying.filter((node) => !node.connected) : [];
  return assemblePlan({
    planId,
    kind: 'delete-nodes',
    cluster: record.name,
    baseRevision: record.revision,
    summary:
      `remove ${countRoles(leaving)} from cluster ${record.name}: ${leaving.map((node) => node.name).join(', ')}${tellAway(away)}${away.length < leaving.length ? overrides(force, skipDrain) : ''}` +
      (unaware.length > 0 ? `; not told of the masters that go, since away: ${unaware.map((node) => node.name).join(', ')}` : ''),
    nodes: all,
    phases: [
      ...leaving.flatMap((node) => leavePhases(context, node, runtime.leave(context, node, { force, skipDrain }))),
      ...realias(context, mastersChange ? staying.filter((node) => node.connected) : []),
    ],
  });
}

/** What was asked for against the gates is part of what is recorded. */
function overrides(force: boolean, skipDrain: boolean): string {
  if (skipDrain) return '; --skip-drain: pods are not moved away first';
  return force ? '; --force: a drain that fails does not stop the removal' : '';
}

/** For a node that is away, the last thing that is done elsewhere records that it is gone. */
function leavePhases(context: ClusterContext, node: ClusterNode, phases: readonly PhaseDraft[]): PhaseDraft[] {
  if (node.connected) return [...phases, cleanHost(context, node)];
  const kept = phases.filter((phase) => phase.steps.length > 0);
  const last = kept.at(-1)!;
  const steps = [...last.steps.slice(0, -1), withRecord(last.steps.at(-1)!, { kind: 'member-removed', nodeId: node.id })];
  return [...kept.slice(0, -1), { ...last, steps }];
}

function inOrder(nodes: readonly ClusterNode[]): ClusterNode[] {
  const rank = (node: ClusterNode) => (node.role === 'worker' ? 0 : node.connected ? 2 : 1);
  return [...new Set(nodes)].toSorted((a, b) => rank(a) - rank(b));
}

function findMember(record: ClusterRecord, all: readonly ClusterNode[], name: string): ClusterNode {
  const found = all.find((node) => node.name === name || node.ip === name || node.id === name);
  if (found) return found;
  const members = all.map((node) => `${node.name} (${node.ip})`).join(', ');
  throw new Problem('NODE_NOT_FOUND', `cluster ${record.name} has no node "${name}"; its nodes are ${members}`, {
    remedy: 'Name nodes by name or address.',
  });
}

interface Removal {
  readonly record: ClusterRecord;
  readonly facts: ClusterFacts;
  readonly all: readonly ClusterNode[];
  readonly leaving: readonly ClusterNode[];
  readonly staying: readonly ClusterNode[];
  readonly away: readonly ClusterNode[];
  readonly apiNode: ClusterNode | undefined;
  readonly force: boolean;
}

function refuse({ record, facts, all, leaving, staying, away, apiNode, force }: Removal): void {
  if (leaving.length === 0) throw new Problem('USAGE', 'no node to remove was named');
  if (!staying.some((node) => node.role === 'master'))
    throw new Problem('LAST_MASTER', `no master of cluster ${record.name} would be left`);
  if (away.length > 0 && !force)
    throw new Problem(
      'NODE_NOT_CONNECTED',
      `not connected to the server: ${away.map((node) => `${node.name} (${node.ip})`).join(', ')}`,
      {
        remedy: 'Bring the host back, or remove it with --force: the cluster forgets it, and what is on the host stays there.',
      },
    );
  checkQuorum(all, leaving);
  if (!apiNode)
    throw new Problem(
      'NODE_NOT_CONNECTED',
      `no master of cluster ${record.name} that stays is connected to the server; the removal must go through one`,
    );
  const [m0] = all.filter((node) => node.role === 'master');
  if (leaving.includes(m0!) && registryOf({ cluster: record.spec, image: facts.image }).present && !force)
    throw new Problem(
      'REGISTRY_NODE',
      `${m0!.name} holds the registry of cluster ${record.name}; without it nodes can start no image that they do not have`,
    );
}
