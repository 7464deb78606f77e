import type { Cluster, ConfigFile } from '@seal/clusterfile';
import {
  type AppRecord,
  type ClusterFacts,
  type ClusterRecord,
  type ImageFacts,
  type LaidFile,
  layConfigs,
  type PublicMaterial,
  placesOfConfigs,
  requiredMaterial,
  withPatches,
} from '@seal/runtime';
import { type FactSources, findCluster, seenNodes } from './gather-facts.ts';

/** Files of the user over images: what plans and records may hold of them, and what planners read of the rootfs. */
export interface LaidFiles {
  /** Over the rootfs ('') and over images of apps, by reference. */
  readonly files: Readonly<Record<string, readonly LaidFile[]>>;
  readonly rootfsTexts: Readonly<Record<string, string>>;
}

export interface LaidUnder {
  readonly rootfs?: ImageFacts | undefined;
  readonly patches: readonly ImageFacts[];
  readonly apps: readonly ImageFacts[];
}

/**
 * Lays the configs that are asked for over images. Their texts are kept as secrets (`keep`), since people write passwords into them.
 * Problem: CONFIG_MERGE_FAILED.
 */
export async function layFiles(
  sources: FactSources,
  cluster: string,
  configs: readonly ConfigFile[],
  images: LaidUnder,
  keep: boolean,
): Promise<LaidFiles> {
  const rootfs = images.rootfs && withPatches(images.rootfs, images.patches);
  const places = placesOfConfigs(configs, rootfs, images.apps);
  const below = new Map<ImageFacts, Readonly<Record<string, string>>>();
  for (const facts of new Set(places.map((place) => place.facts))) {
    const combined = places.filter((place) => place.facts === facts && place.config.strategy !== 'overwrite');
    const paths = combined.map((place) => place.path);
    const stack = paths.length === 0 ? [] : facts === rootfs ? [facts, ...images.patches] : [facts];
    const texts = await Promise.all(stack.map((image) => sources.imageTexts(image.digest, paths)));
    below.set(facts, Object.assign({}, ...texts) as Record<string, string>);
  }
  const laid = layConfigs(places, (facts, path) => below.get(facts)?.[path]);
  const all = laid.map((file) => file.text);
  const refs = await sources.textRefs(cluster, all, { keep, make: keep });
  const files: Record<string, LaidFile[]> = {};
  for (const [index, { image, path }] of laid.entries()) {
    files[image] ??= [];
    files[image].push({ path, content: { secret: refs[index]! } });
  }
  const overRootfs = laid.filter((file) => file.image === '').map((file) => [file.path, file.text]);
  return { files, rootfsTexts: Object.fromEntries(overRootfs) as Record<string, string> };
}

/** The Cluster as it may be recorded: in the place of what configs hold, references that differ where the texts do. */
export async function withoutTexts(sources: FactSources, cluster: Cluster, make: boolean): Promise<Cluster> {
  const { configs = [] } = cluster;
  if (configs.length === 0) return cluster;
  const texts = configs.map((config) => config.data);
  const refs = await sources.textRefs(cluster.name, texts, { keep: false, make });
  return { ...cluster, configs: configs.map((config, index) => ({ ...config, data: refs[index]! })) };
}

/** Record and facts of a cluster that exists; `newIps`: addresses that are not in it yet. Problem: CLUSTER_NOT_FOUND. */
export async function factsOfExisting(
  sources: FactSources,
  name: string,
  newIps: readonly string[],
  keepMaterial: boolean,
): Promise<{ readonly record: ClusterRecord; readonly facts: ClusterFacts }> {
  const record = findCluster(sources.records, name);
  const recorded = (record.apps ?? []).filter((app) => app.kind === 'patch');
  const patches = await Promise.all(recorded.map((app) => imageOf(sources, app)));
  const ips = [...record.members.map((member) => member.ip), ...newIps];
  const common = await commonFacts(sources, record.name, ips, keepMaterial);
  const image = await rootfsOf(sources, record, patches);
  return { record, facts: { ...common, image, patches, record } };
}

/** The image of a cluster's rootfs with patches and the user's files over it. */
export async function rootfsOf(sources: FactSources, record: ClusterRecord, patches: readonly ImageFacts[]): Promise<ImageFacts> {
  const texts: Record<string, string> = {};
  for (const { path, content } of record.files ?? []) if ('secret' in content) texts[path] = await sources.text(content.secret);
  return withTexts(withPatches(await sources.image(record.imageDigest, []), patches), texts);
}

/** Facts that every plan of a cluster needs besides its images. Secrets that are missing are made here, and kept unless it is a dry run. */
export async function commonFacts(
  sources: FactSources,
  cluster: string,
  ips: readonly string[],
  keepMaterial: boolean,
): Promise<Pick<ClusterFacts, 'nodes' | 'installHint'> & { readonly material: Record<string, PublicMaterial> }> {
  const nodes = await seenNodes(sources, ips);
  const material = await sources.material(requiredMaterial({ name: cluster }), keepMaterial);
  return { nodes, material, installHint: sources.installHint() };
}

/** The image of a recorded app or patch, by the name that its user knows. Problem: IMAGE_NOT_FOUND. */
export async function imageOf(sources: FactSources, app: AppRecord): Promise<ImageFacts> {
  return { ...(await sources.image(app.imageDigest, [])), reference: app.image };
}

/** Images of the apps of a cluster that lie apart from its rootfs, each once. Problem: IMAGE_NOT_FOUND. */
export async function placedImages(sources: FactSources, record: ClusterRecord): Promise<ImageFacts[]> {
  const placed = new Map((record.apps ?? []).flatMap((app) => (app.place === undefined ? [] : [[app.imageDigest, app]])));
  return Promise.all([...placed.values()].map((app) => imageOf(sources, app)));
}

/** An image whose small files are what the user laid over it. */
export function withTexts(image: ImageFacts, texts: Readonly<Record<string, string>>): ImageFacts {
  const paths = Object.keys(texts);
  if (paths.length === 0) return image;
  return { ...image, files: { ...image.files, ...texts }, paths: [...new Set([...image.paths, ...paths])].sort() };
}
