import { Problem } from '@seal/foundation';
import { choosePlatform } from './choose-platform.ts';
import { addedAnnotation, nameAnnotation } from './index-file.ts';
import type { Descriptor, ImageConfig, Manifest } from './manifest.ts';
import { partsOf, readImageConfig, readImageParts } from './read-image.ts';

/** One line of `sealctl images`. */
export interface StoredImage {
  /** Normalised name; undefined for an image whose name was given to another. */
  readonly reference: string | undefined;
  /** Digest of the manifest, or of the index. */
  readonly digest: string;
  /** `amd64`; of an index all, with commas between. */
  readonly arch: string;
  /** Manifests, configs and layers as they lie in the store, each counted once. Layers that images share count for each image. */
  readonly sizeBytes: number;
  readonly addedAtMs: number;
  /** Of an index those of the image for this machine. */
  readonly labels: Readonly<Record<string, string>>;
  /** Why it cannot be read; then `arch` is empty, `sizeBytes` 0, and there are no labels. */
  readonly damage?: string;
}

/** One image for one platform: digest, size, labels, manifest and config are those of that platform. */
export interface InspectedImage extends StoredImage {
  /** Every name of this image. */
  readonly references: readonly string[];
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Every platform of the image, in the order of its index; one where there is no index. */
  readonly platforms: readonly { readonly os: string; readonly arch: string; readonly digest: string }[];
  /** Digest of the index; undefined for an image without. */
  readonly indexDigest: string | undefined;
}

const damages = new Set(['IMAGE_NOT_FOUND', 'IMAGE_INVALID', 'IMAGE_STORE_DAMAGED']);

/** One entry of index.json, whatever platforms it has; of one that cannot be read why. */
export async function summariseImage(storeDirectory: string, descriptor: Descriptor): Promise<StoredImage> {
  try {
    return await readSummary(storeDirectory, descriptor);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || !damages.has(thrown.code)) throw thrown;
    const { digest, annotations } = descriptor;
    const addedAtMs = Number(annotations?.[addedAnnotation] ?? 0);
    const nothing = { arch: '', sizeBytes: 0, labels: {} };
    return { reference: annotations?.[nameAnnotation], digest, addedAtMs, ...nothing, damage: thrown.message };
  }
}

async function readSummary(storeDirectory: string, descriptor: Descriptor): Promise<StoredImage> {
  const image = await inspectImage(storeDirectory, descriptor, [descriptor], undefined);
  const parts = await readImageParts(storeDirectory, descriptor.digest);
  const sizes = new Map([descriptor, ...partsOf(parts)].map(({ digest, size }) => [digest, size]));
  const { reference, addedAtMs, labels, platforms } = image;
  const arch = platforms.map((platform) => platform.arch).join(',');
  const sizeBytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { reference, digest: descriptor.digest, arch, sizeBytes, addedAtMs, labels };
}

/**
 * The image for `arch` (default: this machine's, else the first) of an entry of index.json; `part`: that of its manifests.
 * Throws IMAGE_ARCH_MISMATCH, IMAGE_INVALID.
 */
export async function inspectImage(
  storeDirectory: string,
  entry: Descriptor,
  entries: readonly Descriptor[],
  arch: string | undefined,
  part?: string,
): Promise<InspectedImage> {
  const images = await inspectPlatforms(storeDirectory, entry, entries);
  const candidates = images.map((image) => ({ image, platform: { os: image.config.os, architecture: image.arch } }));
  const those = part === undefined ? candidates : candidates.filter(({ image }) => image.digest === part);
  const what = `image ${entry.annotations?.[nameAnnotation] ?? entry.digest}`;
  return choosePlatform(those, arch, what).image;
}

/** The image for every platform of an entry, whether index.json has it or not. Throws IMAGE_INVALID and the like. */
export async function inspectPlatforms(
  storeDirectory: string,
  entry: Descriptor,
  entries: readonly Descriptor[],
): Promise<InspectedImage[]> {
  const parts = await readImageParts(storeDirectory, entry.digest);
  const found = [];
  for (const { descriptor, manifest } of parts.manifests)
    found.push({ descriptor, manifest, config: await readImageConfig(storeDirectory, manifest) });
  const common = {
    reference: entry.annotations?.[nameAnnotation],
    references: entries
      .filter(({ digest }) => digest === entry.digest)
      .flatMap(({ annotations }) => annotations?.[nameAnnotation] ?? []),
    addedAtMs: Number(entry.annotations?.[addedAnnotation] ?? 0),
    platforms: found.map(({ descriptor, config }) => ({ os: config.os, arch: config.architecture, digest: descriptor.digest })),
    indexDigest: parts.isIndex ? parts.digest : undefined,
  };
  return found.map(({ descriptor, manifest, config }) => {
    const sizes = new Map([descriptor, manifest.config, ...manifest.layers].map(({ digest, size }) => [digest, size]));
    return {
      ...common,
      digest: descriptor.digest,
      arch: config.architecture,
      sizeBytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
      labels: config.config?.Labels ?? {},
      manifest,
      config,
    };
  });
}
