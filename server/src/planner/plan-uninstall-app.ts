import { Problem } from '@seal/foundation';
import type { PhaseDraft, Plan } from '@seal/plan';
import {
  type AppRecord,
  type AppUnit,
  type ClusterContext,
  type ClusterFacts,
  type ClusterRecord,
  type ImageFacts,
  placeImage,
  recordedUnit,
  removePlace,
  undoing,
  uninstallUnit,
} from '@seal/runtime';
import { assemblePlan } from './assemble-plan.ts';
import { makeContext, nodeFromMember } from './make-context.ts';
import { connectedMaster, patchPhase, readyCluster, refuseAway } from './plan-install-apps.ts';

export interface UninstallAppInput {
  readonly planId: string;
  /** `image` and `patches`: without the patch that goes. */
  readonly facts: ClusterFacts;
  /** Image of what goes. */
  readonly image: ImageFacts;
  readonly name: string;
  /** Forget an app also where nothing takes it back. */
  readonly force: boolean;
}

/**
 * The plan that takes an app or a patch out of a cluster: what launched it is taken back in its directory, then its image goes. A patch goes off the
 * rootfs of every node. A plan without phases (`force`, and there is nothing to do on a node) says that only the record is to be changed.
 *
 * Problems: APP_NOT_FOUND, APP_NOT_UNDOABLE (and no `force`), NODE_NOT_CONNECTED, OPERATION_STATE.
 */
export function planUninstallApp({ planId, facts, image, name, force }: UninstallAppInput): Plan {
  const record = readyCluster(facts);
  const app = recordedApp(record, name);
  const members = record.members.map((member) => nodeFromMember(facts, record, member));
  const apiNode = connectedMaster(record, members);
  const context = makeContext(facts, record.spec, members, apiNode);
  const draft = { planId, kind: 'uninstall-app', cluster: record.name, baseRevision: record.revision } as const;
  const common = { ...draft, nodes: context.nodes, atEnd: [{ kind: 'app-removed', name }] as const };
  if (app.kind === 'patch') {
    refuseAway(record, members);
    const stays = image.cmds.length > 0 && !app.launch ? '; what its commands did on the nodes stays' : '';
    const summary = `take patch ${name} (${app.image}) off the rootfs of cluster ${record.name}${stays}`;
    return assemblePlan({ ...common, summary, phases: [{ ...patchPhase(context, members, [image]), destructive: true }] });
  }
  const unit = recordedUnit(app, image);
  const undo = undoing(unit, app);
  if ('impossible' in undo && !force)
    throw new Problem('APP_NOT_UNDOABLE', `app ${name} of cluster ${record.name} cannot be uninstalled: ${undo.impossible}`);
  const impossible = 'impossible' in undo ? `; what it made stays: ${undo.impossible}` : '';
  const commands = 'impossible' in undo ? [] : undo.commands;
  return assemblePlan({
    ...common,
    summary: `uninstall app ${name} (${app.image}) from cluster ${record.name}${impossible}`,
    phases: [...undoPhases(context, unit, app, commands), placePhase(context, record, app)],
  });
}

/** The record of an app or patch. Problem: APP_NOT_FOUND. */
export function recordedApp({ name: cluster, apps = [] }: ClusterRecord, name: string): AppRecord {
  const found = apps.find((app) => app.name === name);
  if (found) return found;
  const there = apps.length > 0 ? `; it has ${apps.map((app) => app.name).join(', ')}` : '';
  throw new Problem('APP_NOT_FOUND', `cluster ${cluster} has no app or patch "${name}"${there}`);
}

/** The image may lie on a master that is gone: it is brought to the one that acts now. */
function undoPhases(
  context: ClusterContext,
  unit: AppUnit,
  app: AppRecord,
  commands: readonly (readonly string[])[],
): PhaseDraft[] {
  if (commands.length === 0) return [];
  return [
    {
      name: 'distribute-apps',
      title: `Bring ${app.image} to ${context.apiNode.name}`,
      steps: placeImage(context, unit.image, [unit], app.files),
    },
    {
      name: 'uninstall',
      title: `Take back what ${unit.name} made`,
      destructive: true,
      steps: uninstallUnit(context, unit, commands),
    },
  ];
}

function placePhase(context: ClusterContext, { apps = [] }: ClusterRecord, app: AppRecord): PhaseDraft {
  const { place } = app;
  const isShared = apps.some((other) => other.name !== app.name && other.place === place);
  const masters = context.nodes.filter((node) => node.role === 'master' && node.connected);
  const steps = place === undefined || isShared ? [] : masters.map((node) => removePlace(context, node, place));
  return { name: 'remove-image', title: `Remove ${app.image} from the masters`, steps };
}
