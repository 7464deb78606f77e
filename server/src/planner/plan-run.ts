import type { Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import {
  appsPhases,
  appUnits,
  type ClusterFacts,
  chooseRuntime,
  imageName,
  importImages,
  installRegistry,
  patchCommands,
  unrecorded,
  workersAtOnce,
} from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';
import { checkAppImages } from './check-app-images.ts';
import { countRoles, preparePhases } from './install-phases.ts';
import { makeContext } from './make-context.ts';
import { preflight } from './preflight.ts';

export interface RunInput {
  readonly planId: string;
  readonly desired: Cluster;
  readonly facts: ClusterFacts;
}

/**
 * The plan that makes a cluster. Asked again for a cluster whose installation did not end, it makes the rest: what is done on a host
 * already is found done.
 *
 * Problems: those of `preflight`, of `appUnits` and `checkAppImages`, CLUSTER_EXISTS, RUNTIME_UNSUPPORTED, RUNTIME_CONTRADICTION, IMAGE_VERSION_UNKNOWN, IMAGE_FILE_INVALID.
 */
export function planRun({ planId, desired, facts }: RunInput): Plan {
  const { record, apps = [], patches = [], files = {} } = facts;
  refuseExisting(desired, facts);
  const runtime = chooseRuntime(facts.image);
  const nodes = preflight({ cluster: desired, facts, runtime, hosts: desired.hosts, existing: [] });
  const context = makeContext(facts, desired, nodes);
  checkAppImages([...patches, ...apps], { cluster: desired.name, version: runtime.version, nodes: facts.nodes, on: nodes });
  const units = appUnits(facts.image, apps, desired, desired.cmds);
  const afterwards = [
    ...patchCommands(context, desired.cmds.length > 0 ? [] : patches, context.nodes),
    ...importImages(context, apps, context.nodes, workersAtOnce),
    ...appsPhases(context, { units, files, cmds: desired.cmds }, facts.image),
  ];
  const others = [...patches, ...apps].map((image) => image.reference);
  const joiningMasters = context.nodes.filter((node) => node.role === 'master').slice(1);
  const workers = context.nodes.filter((node) => node.role === 'worker');
  return assemblePlan({
    planId,
    kind: 'install',
    cluster: desired.name,
    baseRevision: record?.revision ?? 0,
    summary: `${record ? 'finish installing' : 'install'} cluster ${desired.name}: ${countRoles(nodes)}, ${runtime.name} ${runtime.version}, image ${desired.image}${others.length > 0 ? `, with ${others.join(', ')}` : ''}`,
    nodes: context.nodes,
    joining: context.nodes,
    atEnd: [
      ...[...patches.map((patch) => imageName(patch.reference)), ...unrecorded(units, afterwards)].map((name) => {
        return { kind: 'app-installed' as const, name };
      }),
      { kind: 'cluster-ready' },
    ],
    phases: [
      ...preparePhases(context, context.nodes, installRegistry(context)),
      ...runtime.init(context),
      // The token of an installation that stopped yesterday is no longer good.
      ...(record ? runtime.openJoining(context) : []),
      ...runtime.joinMasters(context, joiningMasters),
      ...runtime.joinWorkers(context, workers),
      ...runtime.closeJoining(context),
      ...runtime.labelNodes(context, context.nodes),
      ...runtime.verify(context, context.nodes),
      ...afterwards,
    ],
  });
}

/** Only an installation that did not end may be asked for again: with the same image, and every host that has begun to join in its role. */
function refuseExisting(desired: Cluster, { record, image }: ClusterFacts): void {
  if (!record) return;
  if (record.state !== 'installing')
    throw new Problem('CLUSTER_EXISTS', `cluster ${record.name} exists already, with ${countRoles(record.members)}`);
  const asked = new Map(desired.hosts.map((host) => [host.ip, host.role]));
  const lost = record.members
    .filter((member) => asked.get(member.ip) !== member.role)
    .map((member) => `${member.name} (${member.ip}, ${member.role})`);
  const [m0] = record.members.filter((member) => member.role === 'master');
  const first = desired.hosts.find((host) => host.role === 'master');
  if (lost.length > 0)
    throw new Problem(
      'CLUSTER_EXISTS',
      `the installation of ${record.name} has begun on ${lost.join(', ')}, which this command does not ask for in that role`,
    );
  if (m0 && first?.ip !== m0.ip)
    throw new Problem(
      'CLUSTER_EXISTS',
      `the installation of ${record.name} has begun with ${m0.ip} as first master, and this command names ${first?.ip} first`,
    );
  if (record.members.length > 0 && record.imageDigest !== image.digest)
    throw new Problem(
      'CLUSTER_EXISTS',
      `the installation of ${record.name} has begun with another image (${record.spec.image}, ${record.imageDigest})`,
    );
}
