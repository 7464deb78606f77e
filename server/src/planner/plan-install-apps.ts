import type { AppsWanted } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { PhaseDraft, Plan } from '@seal/plan';
import {
  appsPhases,
  appUnits,
  type ClusterContext,
  type ClusterFacts,
  type ClusterNode,
  type ClusterRecord,
  type ImageFacts,
  imageName,
  importImages,
  laidFiles,
  patchCommands,
  patchRootfs,
  removePlace,
  unrecorded,
  workersAtOnce,
} from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';
import { checkAppImages } from './check-app-images.ts';
import { makeContext, nodeFromMember } from './make-context.ts';
import { recordedCluster } from './recorded-cluster.ts';

export interface InstallAppsInput {
  readonly planId: string;
  /** `patches`: those that lie over the rootfs in the end; `apps`: the images that are asked for. */
  readonly facts: ClusterFacts;
  /** The patches of `facts` that are new. */
  readonly newPatches: readonly ImageFacts[];
  /** Older versions of them, which are taken away. */
  readonly oldPatches: readonly ImageFacts[];
  readonly wanted: AppsWanted;
  /** Shell lines instead of what the images launch. */
  readonly cmds: readonly string[];
  /** Environment for these apps alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Also what is there already. */
  readonly force: boolean;
}

/**
 * The plan that puts apps and patches into a cluster that exists. Patches are laid over the rootfs of every node, apps are brought to one master and
 * launched there, in the order in which they were named.
 *
 * Problems: those of `appUnits` and `checkAppImages`, OPERATION_STATE (the cluster is not ready), APP_EXISTS, NODE_NOT_CONNECTED (no master, or for
 * patches any node).
 */
export function planInstallApps(input: InstallAppsInput): Plan {
  const { planId, facts, newPatches, wanted, cmds, env, force } = input;
  const record = readyCluster(facts);
  const { apps = [], files = {} } = facts;
  const units = appUnits(undefined, apps, wanted, cmds);
  const names = [...newPatches.map((patch) => imageName(patch.reference)), ...units.map((unit) => unit.name)];
  if (!force) refuseInstalled(record, names);
  const members = record.members.map((member) => nodeFromMember(facts, record, member));
  const apiNode = connectedMaster(record, members);
  if (newPatches.length > 0) refuseAway(record, members);
  const on = newPatches.length > 0 ? members : [apiNode];
  checkAppImages([...newPatches, ...apps], { cluster: record.name, version: record.runtimeVersion, nodes: facts.nodes, on });
  // The rootfs is the same on nodes that join later, which know nothing of this run's environment.
  const rootfs = makeContext(facts, record.spec, members, apiNode);
  const context = { ...rootfs, cluster: { ...record.spec, env: { ...record.spec.env, ...env } } };
  const connected = members.filter((node) => node.connected);
  const imported = importImages(context, apps, connected, workersAtOnce);
  const launching = appsPhases(context, { units, files, cmds }, undefined);
  const silent = [...newPatches.map((patch) => imageName(patch.reference)), ...unrecorded(units, launching)];
  const references = [...newPatches, ...apps].map((image) => image.reference);
  return assemblePlan({
    planId,
    kind: 'install-apps',
    cluster: record.name,
    baseRevision: record.revision,
    summary: `install ${references.join(', ')} into cluster ${record.name}${ofPatches(newPatches)}${ofImport(imported, members)}`,
    nodes: context.nodes,
    phases: [
      ...(newPatches.length > 0 ? [patchPhase(rootfs, members, input.oldPatches)] : []),
      ...patchCommands(rootfs, cmds.length > 0 ? [] : newPatches, members),
      ...imported,
      ...launching,
      replacedPhase(
        context,
        record,
        names,
        units.flatMap((unit) => unit.place ?? []),
      ),
    ],
    atEnd: silent.map((name) => ({ kind: 'app-installed', name })),
  });
}

/** Lays the patches of the context over the rootfs of nodes; the user's own files go on top again. */
export function patchPhase(context: ClusterContext, nodes: readonly ClusterNode[], removed: readonly ImageFacts[]): PhaseDraft {
  const { patches = [], files = [], image } = context;
  const gone = removed.flatMap((patch) => patch.layers);
  const layers = [...(gone.length > 0 ? image.layers : []), ...(image.over ?? []), ...gone];
  const names = [...patches, ...removed].map((patch) => patch.reference).join(', ');
  const steps = nodes.flatMap((node) => {
    const [lay] = patchRootfs(context, node, gone);
    if (lay?.kind !== 'lay-over') return [];
    return [
      {
        title: `fetch ${layers.length} layers`,
        node: node.id,
        kind: 'fetch-layers' as const,
        args: { image: names, layers },
        effect: 'idempotent' as const,
        timeoutSeconds: 3600,
      },
      lay,
      ...laidFiles(node, lay.args.rootfs, files, lay.args.env),
    ];
  });
  return { name: 'patch-rootfs', title: 'Bring the rootfs of the nodes up to date', parallelism: workersAtOnce, steps };
}

/** The record of a cluster that apps can be put into. Problems: CLUSTER_NOT_FOUND, OPERATION_STATE. */
export function readyCluster(facts: ClusterFacts): ClusterRecord {
  const record = recordedCluster(facts);
  if (record.state === 'ready') return record;
  throw new Problem('OPERATION_STATE', `cluster ${record.name} is ${record.state}`, {
    remedy: 'Let the operation that makes or removes it end first ("sealctl status" names it).',
  });
}

/** The master on which apps are launched. Problem: NODE_NOT_CONNECTED. */
export function connectedMaster(record: ClusterRecord, members: readonly ClusterNode[]): ClusterNode {
  const found = members.find((node) => node.role === 'master' && node.connected);
  if (found) return found;
  throw new Problem(
    'NODE_NOT_CONNECTED',
    `no master of cluster ${record.name} is connected to the server; apps are launched on one`,
  );
}

/** Problem: NODE_NOT_CONNECTED (a node that would keep another rootfs than the others). */
export function refuseAway(record: ClusterRecord, members: readonly ClusterNode[]): void {
  const away = members.filter((node) => !node.connected);
  if (away.length === 0) return;
  throw new Problem(
    'NODE_NOT_CONNECTED',
    `patches concern every node of cluster ${record.name}; not connected to the server: ${away.map((node) => `${node.name} (${node.ip})`).join(', ')}`,
    { remedy: 'Bring these hosts back, or take them out of the cluster first ("sealctl delete -n ... --force").' },
  );
}

function refuseInstalled({ name: cluster, apps = [] }: ClusterRecord, names: readonly string[]): void {
  const there = apps.filter((app) => app.state === 'installed' && names.includes(app.name));
  if (there.length === 0) return;
  const listed = there.map((app) => `${app.name} (${app.image})`).join(', ');
  throw new Problem('APP_EXISTS', `cluster ${cluster} has ${listed} already`, {
    details: { apps: there.map((app) => app.name) },
  });
}

/** Who does not get the container images of the apps. */
function ofImport(imported: readonly PhaseDraft[], members: readonly ClusterNode[]): string {
  const away = members.filter((node) => !node.connected).map((node) => node.name);
  if (imported.length === 0 || away.length === 0) return '';
  return `; without the container images of the apps, since away: ${away.join(', ')}`;
}

function ofPatches(patches: readonly ImageFacts[]): string {
  if (patches.length === 0) return '';
  return '; patches change the rootfs of every node, for scripts and templates that are used from now on: programs that run are not restarted';
}

/** Images whose apps are all replaced have nothing more to do on the masters. */
function replacedPhase(
  context: ClusterContext,
  { apps = [] }: ClusterRecord,
  names: readonly string[],
  places: readonly string[],
): PhaseDraft {
  const staying = new Set([...places, ...apps.filter((app) => !names.includes(app.name)).map((app) => app.place)]);
  const gone = [...new Set(apps.flatMap((app) => app.place ?? []))].filter((place) => !staying.has(place));
  const masters = context.nodes.filter((node) => node.role === 'master' && node.connected);
  const steps = gone.flatMap((place) => masters.map((node) => removePlace(context, node, place)));
  return { name: 'remove-replaced', title: 'Remove images that others have replaced', steps };
}
