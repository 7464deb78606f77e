import { type HostSpec, hostSpecs } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { type ClusterFacts, type ClusterRecord, chooseRuntime, importImages, patchCommands, workersAtOnce } from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';
import { countRoles, preparePhases } from './install-phases.ts';
import { makeContext, nodeFromMember } from './make-context.ts';
import { preflight } from './preflight.ts';
import { realias, recordedCluster } from './recorded-cluster.ts';

export interface ScaleUpInput {
  readonly planId: string;
  readonly facts: ClusterFacts;
  /** Addresses, comma lists and ranges. */
  readonly masters: readonly string[];
  readonly workers: readonly string[];
  /** What a Clusterfile says of hosts to add, instead of `masters` and `workers`. */
  readonly hosts?: readonly HostSpec[];
}

/**
 * The plan that adds nodes. Only the new hosts are touched, besides /etc/hosts of connected old ones when masters are added; an old
 * host that is away is named in the summary and does not stop the rest. Hosts that had begun to join are taken up again.
 *
 * Problems: those of `preflight`, HOSTS_INVALID, USAGE (nothing to add), NODE_IN_CLUSTER (a ready member), NODE_NOT_CONNECTED (no master).
 */
export function planScaleUp({ planId, facts, masters, workers, hosts: described }: ScaleUpInput): Plan {
  const record = recordedCluster(facts);
  const hosts = described ?? hostSpecs({ masters, nodes: workers });
  if (hosts.length === 0)
    throw new Problem('USAGE', 'no host to add was named', { remedy: 'Name hosts with -m for masters and -n for workers.' });
  refuseMembers(
    record,
    hosts.map((host) => host.ip),
  );
  const runtime = chooseRuntime(facts.image);
  const asked = new Set(hosts.map((host) => host.ip));
  const old = record.members.filter((member) => !asked.has(member.ip)).map((member) => nodeFromMember(facts, record, member));
  const apiNode = old.find((node) => node.role === 'master' && node.connected);
  if (!apiNode)
    throw new Problem(
      'NODE_NOT_CONNECTED',
      `no master of cluster ${record.name} is connected to the server; nodes can join only through one`,
    );
  const joining = preflight({ cluster: record.spec, facts, runtime, hosts, existing: old });
  const newMasters = joining.filter((node) => node.role === 'master');
  const context = makeContext(facts, record.spec, [...old, ...joining], apiNode);
  const realiased = newMasters.length > 0 ? old : [];
  const away = realiased.filter((node) => !node.connected);
  return assemblePlan({
    planId,
    kind: 'scale-up',
    cluster: record.name,
    baseRevision: record.revision,
    summary:
      `add ${countRoles(joining)} to cluster ${record.name}` +
      (away.length > 0 ? `; not told of the new masters, since away: ${away.map((node) => node.name).join(', ')}` : ''),
    nodes: context.nodes,
    joining,
    phases: [
      ...preparePhases(context, joining),
      ...importImages(context, facts.apps ?? [], joining, workersAtOnce),
      ...runtime.openJoining(context),
      ...runtime.joinMasters(context, newMasters),
      ...realias(
        context,
        realiased.filter((node) => node.connected),
      ),
      ...runtime.joinWorkers(
        context,
        joining.filter((node) => node.role === 'worker'),
      ),
      ...runtime.closeJoining(context),
      ...runtime.labelNodes(context, joining),
      ...runtime.verify(context, joining),
      ...patchCommands(context, context.patches ?? [], joining),
    ],
  });
}

/** A member that is ready cannot be added; one that had only begun to join is joined again. */
function refuseMembers(record: ClusterRecord, ips: readonly string[]): void {
  const ready = record.members.filter((member) => member.state === 'ready' && ips.includes(member.ip));
  if (ready.length > 0)
    throw new Problem(
      'NODE_IN_CLUSTER',
      `already in cluster ${record.name}: ${ready.map((member) => `${member.name} (${member.ip})`).join(', ')}`,
      {
        remedy: 'Name only hosts that are not in the cluster.',
      },
    );
}
