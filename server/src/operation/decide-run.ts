import type { Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import {
  appRecords,
  appUnits,
  arrangeImages,
  type ClusterFacts,
  type ClusterRecord,
  chooseRuntime,
  type ImageFacts,
  withPatches,
} from '@seal/runtime';
import { planRun } from '../planner/plan-run.ts';
import { commonFacts, layFiles, withoutTexts, withTexts } from './cluster-facts.ts';
import type { DecideOptions } from './decide-change.ts';
import type { FactSources } from './gather-facts.ts';
import type { Decided } from './start-operation.ts';

/** Plans a cluster from its images, whatever order they were named in, and what is recorded of it before the first step. */
export async function decideRun(sources: FactSources, asked: Cluster, { planId, keepMaterial }: DecideOptions): Promise<Decided> {
  const { desired, rootfs, patches, apps } = await arrangeCluster(sources, asked);
  const images = { rootfs, patches, apps };
  const { files, rootfsTexts } = await layFiles(sources, desired.name, desired.configs ?? [], images, keepMaterial);
  const image = withTexts(withPatches(rootfs, patches), rootfsTexts);
  const runtime = chooseRuntime(image);
  const ips = desired.hosts.map((host) => host.ip);
  const common = await commonFacts(sources, desired.name, ips, keepMaterial);
  const facts: ClusterFacts = { ...common, image, patches, apps, files, record: sources.records.get(desired.name) };
  const plan = planRun({ planId, desired, facts });
  const units = appUnits(image, apps, desired, desired.cmds);
  const recorded = appRecords({ units, patches, files, env: {}, cmds: desired.cmds, nowMs: sources.now() });
  const older = (facts.record?.apps ?? []).filter((app) => !recorded.some((other) => other.name === app.name));
  const record: Omit<ClusterRecord, 'revision'> = {
    name: desired.name,
    state: 'installing',
    spec: await withoutTexts(sources, desired, keepMaterial),
    imageDigest: rootfs.digest,
    runtime: runtime.name,
    runtimeVersion: runtime.version,
    // An installation that did not end keeps the members that it has.
    members: facts.record?.members ?? [],
    ...(older.length + recorded.length > 0 ? { apps: [...older, ...recorded] } : {}),
    ...(files[''] ? { files: files[''] } : {}),
  };
  return { plan, writes: () => [sources.records.put(record)] };
}

export interface ArrangedCluster {
  /** With the image that makes it first, then patches, then apps. */
  readonly desired: Cluster;
  readonly rootfs: ImageFacts;
  readonly patches: readonly ImageFacts[];
  readonly apps: readonly ImageFacts[];
}

/** Sorts the images of a Cluster by what they are for. Problems: IMAGES_CONTRADICTORY, IMAGE_NOT_FOUND. */
export async function arrangeCluster(sources: FactSources, asked: Cluster): Promise<ArrangedCluster> {
  const names = [asked.image, ...(asked.images ?? [])];
  const ips = asked.hosts.map((host) => host.ip);
  const facts = await Promise.all(names.map((name) => sources.image(name, ips)));
  const { rootfs, patches, apps } = arrangeImages(facts);
  if (!rootfs)
    throw new Problem(
      'IMAGES_CONTRADICTORY',
      `none of ${names.join(', ')} makes a cluster (${facts.map(({ kind }) => kind).join(', ')}), and hosts were named for one`,
      { remedy: 'Name an image of the kind kube-installer too; or leave out -m and -n to run these on a cluster that exists.' },
    );
  const nameOf = (image: ImageFacts) => names[facts.findIndex((each) => each.digest === image.digest)]!;
  const { images: _asAsked, ...rest } = asked;
  const images = [...patches, ...apps].map(nameOf);
  const desired = { ...rest, image: nameOf(rootfs), ...(images.length > 0 ? { images } : {}) };
  return { desired, rootfs, patches, apps };
}
