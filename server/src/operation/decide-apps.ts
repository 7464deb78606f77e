import { Problem } from '@seal/foundation';
import {
  type AppRecord,
  type ArrangedImages,
  appRecords,
  appUnits,
  arrangeImages,
  type ImageFacts,
  imageName,
} from '@seal/runtime';
import { planInstallApps } from '../planner/plan-install-apps.ts';
import { planUninstallApp, recordedApp } from '../planner/plan-uninstall-app.ts';
import type { ChangeRequest } from './change-request.ts';
import { factsOfExisting, imageOf, layFiles, rootfsOf } from './cluster-facts.ts';
import type { DecideOptions } from './decide-change.ts';
import { type FactSources, findCluster } from './gather-facts.ts';
import type { Decided } from './start-operation.ts';

type Request<V extends ChangeRequest['verb']> = Extract<ChangeRequest, { verb: V }>;

/**
 * Plans apps and patches for a cluster that exists, and what is recorded of them before the first step.
 * Problems: NO_MASTER (an image makes a cluster), IMAGES_CONTRADICTORY, CONFIG_MERGE_FAILED, CLUSTERFILE_INVALID, those of the planner.
 */
export async function decideInstallApps(
  sources: FactSources,
  request: Request<'install-apps'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { wanted, cmds, env, force } = request;
  const { patches: newPatches, apps } = await arrangeApps(sources, request);
  refuseUnplaced(request, apps);
  const { record, facts: existing } = await factsOfExisting(sources, request.cluster, [], keepMaterial);
  const { files } = await layFiles(sources, record.name, wanted.configs ?? [], { patches: [], apps }, keepMaterial);
  const replaced = new Set(newPatches.map((patch) => imageName(patch.reference)));
  const isReplaced = (patch: ImageFacts) => replaced.has(imageName(patch.reference));
  const before = existing.patches ?? [];
  const oldPatches = before.filter((patch) => isReplaced(patch) && !newPatches.some((other) => other.digest === patch.digest));
  const patches = [...before.filter((patch) => !isReplaced(patch)), ...newPatches];
  const image = await rootfsOf(sources, record, patches);
  const facts = { ...existing, image, patches, apps, files: { ...files, '': record.files ?? [] } };
  const plan = planInstallApps({ planId, facts, newPatches, oldPatches, wanted, cmds, env, force });
  const units = appUnits(undefined, apps, wanted, cmds);
  const recorded = appRecords({ units, patches: newPatches, files, env, cmds, nowMs: sources.now() });
  const others = (record.apps ?? []).filter((app) => !recorded.some((other) => other.name === app.name));
  const spec = { ...record.spec, ...request.spec };
  return { plan, writes: () => [sources.records.put({ ...record, spec, apps: [...others, ...recorded] })] };
}

/** Plans that an app or patch goes. Problems: those of the planner. */
export async function decideUninstallApp(
  sources: FactSources,
  { cluster, name, force }: Request<'uninstall-app'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { records } = sources;
  const app = recordedApp(findCluster(records, cluster), name);
  const { record, facts: existing } = await factsOfExisting(sources, cluster, [], keepMaterial);
  const patches = (existing.patches ?? []).filter((patch) => app.kind === 'app' || imageName(patch.reference) !== name);
  const facts = app.kind === 'app' ? existing : { ...existing, image: await rootfsOf(sources, record, patches), patches };
  // An app of the cluster's own image is in the rootfs that patches and files have changed.
  const image = app.kind === 'app' && app.place === undefined ? facts.image : await imageOf(sources, app);
  const plan = planUninstallApp({ planId, facts, image, name, force });
  const going = (record.apps ?? []).map(
    (each): AppRecord => (each.name === name ? { ...each, state: 'uninstalling', sinceMs: sources.now() } : each),
  );
  const forgotten = () => records.change(record.name, [{ kind: 'app-removed', name }], (id) => id);
  return { plan, writes: () => (plan.phases.length === 0 ? forgotten() : [records.put({ ...record, apps: going })]) };
}

/** A file must not be dropped without a word. Problem: CLUSTERFILE_INVALID. */
function refuseUnplaced({ wanted }: Request<'install-apps'>, apps: readonly ImageFacts[]): void {
  const unplaced = (wanted.configs ?? []).filter((config) => config.app === undefined && apps.length === 0);
  if (unplaced.length === 0) return;
  const paths = unplaced.map((config) => config.path).join(', ');
  throw new Problem(
    'CLUSTERFILE_INVALID',
    `there is no application here over whose files ${paths} could be laid, and the rootfs is made already`,
    {
      remedy: 'Lay files over the rootfs of a cluster that exists by a patch (an image of the kind patch).',
    },
  );
}

async function arrangeApps(sources: FactSources, { images, cluster }: Request<'install-apps'>): Promise<ArrangedImages> {
  if (images.length === 0) throw new Problem('USAGE', 'no image was named', { remedy: 'Name the image of an app or a patch.' });
  const all = sources.records.list();
  // Which cluster is meant is asked later: first what the images are.
  const record = cluster === '' ? all[0] : all.find((each) => each.name === cluster);
  const ips = record?.members.map((member) => member.ip) ?? [];
  const arranged = arrangeImages(await Promise.all(images.map((name) => sources.image(name, ips))));
  if (!arranged.rootfs) return arranged;
  throw new Problem('NO_MASTER', `image ${arranged.rootfs.reference} makes a cluster, and no master was named for it`, {
    remedy: 'Name the hosts with -m and -n; or leave the image out to run the others on a cluster that exists.',
  });
}
