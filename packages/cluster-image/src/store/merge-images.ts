import { canonicalJson, Problem } from '@seal/foundation';
import { parseReference } from '../reference/parse-reference.ts';
import { writeBlob } from './blobs.ts';
import {
  extensionAnnotation,
  extensionText,
  type ImageApp,
  type ImageKind,
  kindLabels,
  readExtension,
  sealosType,
} from './image-extension.ts';
import type { ImageStore, InspectedImage } from './image-store.ts';
import type { Descriptor } from './manifest.ts';
import { layerCompression, mediaTypes } from './media-types.ts';
import type { StoreSession } from './session.ts';

export interface MergedImage {
  /** Normalised name. */
  readonly reference: string;
  /** Digest of the manifest, or of the index of several platforms. */
  readonly digest: string;
  /** Names in the order in which they were laid over each other, lowest first. */
  readonly order: readonly string[];
  readonly platforms: readonly { readonly arch: string; readonly digest: string; readonly layers: number }[];
}

export interface MergeOptions {
  /** Architectures, for linux. Default: all that every one of the images has. */
  readonly archs?: readonly string[];
}

/**
 * Makes one image of several, as sealer and sealos do: the layers of one after those of the other, that which makes a cluster first and the
 * rest in their order; of labels and environment the later one counts, CMD and LAUNCH follow each other, apps are united. No blob is
 * copied. What a layer takes away it takes away from the images below it too. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, USAGE,
 * IMAGES_CONTRADICTORY (two that make a cluster, two apps of one name).
 */
export async function mergeImages(
  store: ImageStore,
  names: readonly string[],
  reference: string,
  { archs }: MergeOptions = {},
): Promise<MergedImage> {
  if (names.length < 2) throw new Problem('USAGE', `${names.length} image was named; a merge takes two or more`);
  const session = await store.openSession('merge');
  try {
    const all = await Promise.all(names.map(async (name) => ({ name, platforms: (await store.inspect(name)).platforms })));
    const wanted = archs ?? commonArchs(all);
    const manifests: Descriptor[] = [];
    const platforms: MergedImage['platforms'][number][] = [];
    let order: readonly string[] = [];
    for (const arch of wanted) {
      const images = inOrder(await Promise.all(names.map((name) => store.inspect(name, arch))));
      order = images.map(nameOf);
      const descriptor = await mergeOne(store, session, images);
      manifests.push(descriptor);
      platforms.push({ arch, digest: descriptor.digest, layers: (await store.readManifest(descriptor.digest)).layers.length });
    }
    const [first, second] = manifests as [Descriptor, Descriptor?];
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    const digest = second ? (await writeJson(store, session, index)).digest : first.digest;
    await store.putReference(reference, digest);
    return { reference: parseReference(reference).text, digest, order, platforms };
  } finally {
    await session.close();
  }
}

function commonArchs(all: readonly { name: string; platforms: InspectedImage['platforms'] }[]): string[] {
  const [first, ...rest] = all.map(({ platforms }) => platforms.map(({ arch }) => arch));
  const common = (first ?? []).filter((arch) => rest.every((archs) => archs.includes(arch)));
  if (common.length > 0) return common;
  const told = all.map(({ name, platforms }) => `${name} is for ${platforms.map(({ arch }) => arch).join(', ')}`);
  throw new Problem('IMAGE_ARCH_MISMATCH', `the images have no platform in common: ${told.join('; ')}`);
}

/** That which makes a cluster lies below all others. */
function inOrder(images: readonly InspectedImage[]): InspectedImage[] {
  const kindOf = ({ manifest, config }: InspectedImage) => readExtension(manifest, config).kind;
  const bases = images.filter((image) => kindOf(image) === 'kube-installer');
  if (bases.length > 1)
    throw new Problem(
      'IMAGES_CONTRADICTORY',
      `${bases.map(nameOf).join(' and ')} both make a cluster, and are not made one image`,
    );
  return [...bases, ...images.filter((image) => !bases.includes(image))];
}

async function mergeOne(store: ImageStore, session: StoreSession, images: readonly InspectedImage[]): Promise<Descriptor> {
  const extensions = images.map(({ manifest, config }) => readExtension(manifest, config));
  const kinds = extensions.map(({ kind }) => kind);
  const kind: ImageKind =
    (['kube-installer', 'app-installer', 'patch'] as const).find((each) => kinds.includes(each)) ?? 'kube-installer';
  const labels = Object.assign({}, ...images.map((image) => image.labels)) as Record<string, string>;
  for (const name of kindLabels) if (name in labels || name === kindLabels[0]) labels[name] = sealosType(kind);
  const env = new Map(images.flatMap(({ config }) => (config.config?.Env ?? []).map(splitPair)));
  // That of whatever container image one of them began with; scripts on hosts have the host's.
  env.delete('PATH');
  const layers = keptLayers(images);
  const cmds = images.flatMap(({ config }, index) => config.config?.Cmd ?? extensions[index]?.cmds ?? []);
  const entrypoint = images.flatMap(({ config }) => textsOf(config.config?.Entrypoint));
  const created = images.flatMap((image) => image.config.created ?? []).sort();
  const { config } = images[0]!;
  const newConfig = {
    created: created.at(-1) ?? new Date(0).toISOString(),
    ...(config.author === undefined ? {} : { author: config.author }),
    architecture: config.architecture,
    os: config.os,
    config: {
      ...(env.size > 0 ? { Env: [...env].map(([name, value]) => `${name}=${value}`) } : {}),
      ...(entrypoint.length > 0 ? { Entrypoint: entrypoint } : {}),
      ...(cmds.length > 0 ? { Cmd: cmds } : {}),
      Labels: sorted(labels),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ createdBy }) => ({ created: new Date(0).toISOString(), created_by: createdBy })),
  };
  const configBlob = await writeJson(store, session, newConfig);
  const annotation = extensionText({
    kind,
    apps: unitedApps(
      images,
      extensions.map(({ apps }) => apps),
    ),
    launch: [...new Set(extensions.flatMap(({ launch }) => launch))],
    cmds: extensions.flatMap((extension) => extension.cmds),
    labels: sorted(labels),
    env: sorted(Object.fromEntries(env)),
  });
  const manifest = await writeJson(store, session, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: configBlob.digest, size: configBlob.sizeBytes },
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { [extensionAnnotation]: annotation },
  });
  const { architecture, os } = config;
  const platform = { os, architecture, ...(architecture === 'arm64' ? { variant: 'v8' } : {}) };
  return { mediaType: mediaTypes.manifest, digest: manifest.digest, size: manifest.sizeBytes, platform };
}

interface KeptLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly createdBy: string;
}

/** Every layer once, where it comes last: what it holds would be laid over there anyway, and overlays refuse one twice. */
function keptLayers(images: readonly InspectedImage[]): KeptLayer[] {
  const all = images.flatMap(({ manifest, config }) => {
    const history = (config.history ?? []).filter((entry) => !entry.empty_layer);
    return manifest.layers.map(({ digest, size, mediaType }, index) => ({
      descriptor: { mediaType: ociType(mediaType), digest, size },
      diffId: config.rootfs.diff_ids[index] ?? '',
      createdBy: history[index]?.created_by ?? '',
    }));
  });
  return all.filter(
    ({ descriptor: { digest } }, index) => !all.slice(index + 1).some((later) => later.descriptor.digest === digest),
  );
}

function ociType(mediaType: string): string {
  const types = { gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, none: mediaTypes.layerPlain };
  return types[layerCompression(mediaType) ?? 'none'];
}

function unitedApps(images: readonly InspectedImage[], apps: readonly (readonly ImageApp[])[]): ImageApp[] {
  const owners = new Map<string, number>();
  for (const [index, list] of apps.entries())
    for (const { name } of list) {
      const before = owners.get(name);
      if (
        before !== undefined &&
        before !== index &&
        canonicalJson(appOf(apps[before], name)) !== canonicalJson(appOf(list, name))
      )
        throw new Problem(
          'IMAGES_CONTRADICTORY',
          `${nameOf(images[before]!)} and ${nameOf(images[index]!)} both have an app "${name}"`,
        );
      owners.set(name, index);
    }
  return [...new Map(apps.flat().map((app) => [app.name, app])).values()];
}

function appOf(apps: readonly ImageApp[] | undefined, name: string): ImageApp | undefined {
  return apps?.find((app) => app.name === name);
}

function nameOf({ reference, digest }: InspectedImage): string {
  return reference ?? digest;
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

function sorted(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function writeJson(store: ImageStore, session: StoreSession, value: unknown) {
  return writeBlob(store.directory, session, [Buffer.from(canonicalJson(value))]);
}
