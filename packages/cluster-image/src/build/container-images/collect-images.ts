import { readFile } from 'node:fs/promises';
import { Problem } from '@seal/foundation';
import pLimit from 'p-limit';
import type { ImageReference } from '../../reference/parse-reference.ts';
import type { ImageStore } from '../../store/image-store.ts';
import { type Descriptor, parseIndex } from '../../store/manifest.ts';
import { mediaTypes } from '../../store/media-types.ts';
import type { Arch, BuildContext, BuildState } from '../build-state.ts';
import type { PlannedEntry } from '../planned-entry.ts';
import { findNamedImages, type ImageLists } from './find-named-images.ts';
import { type NamedImage, placeOf } from './named-image.ts';
import { registryEntries, type StoredContainerImage } from './registry-entries.ts';
import { registryIndex, registryIndexPath } from './registry-index.ts';
import { rootfsFiles } from './rootfs-files.ts';
import { splitLayers } from './split-layers.ts';

/** Where container images come from. */
export interface ImagePuller {
  /**
   * Brings the image for linux/`arch` into the store, every blob of it, and gives the descriptor of its manifest. Where `reference` has the
   * digest of an index, that blob too. Throws a Problem when it cannot.
   */
  pullImage(
    reference: ImageReference,
    platform: { readonly os: 'linux'; readonly arch: Arch },
    store: ImageStore,
    signal?: AbortSignal,
  ): Promise<Descriptor>;
}

export interface CollectOptions extends ImageLists {
  readonly puller: ImagePuller;
  /** Images that are pulled at once. Default 4. */
  readonly atOnce?: number;
}

const mostTold = 20;

/**
 * The layers that hold the container images that the rootfs and the lists name: `registry/` as a registry serves it, and as containerd
 * imports it. What the rootfs has already is left as it is. Throws BUILD_INPUT_INVALID with file and line of every image that cannot be had.
 */
export async function collectImages(
  context: BuildContext,
  state: BuildState,
  options: CollectOptions,
): Promise<readonly (readonly PlannedEntry[])[]> {
  const named = await findNamedImages(context, state, options);
  if (named.length === 0) return [];
  const images = await pullAll(context, state, named, options);
  const entries = registryEntries({
    images,
    blobPath: (digest) => context.store.blobPath(digest),
    isThere: (path) => state.tree.get(path) !== undefined,
  });
  const before = await rootfsFiles(context, state, (path) => path === registryIndexPath);
  return splitLayers([...entries, ...registryIndex(images, before.get(registryIndexPath))], state);
}

/** All are tried, so that one build tells everything that is missing, and the next one has the others already. */
async function pullAll(
  context: BuildContext,
  state: BuildState,
  named: readonly NamedImage[],
  options: CollectOptions,
): Promise<StoredContainerImage[]> {
  const limit = pLimit(options.atOnce ?? 4);
  const missing: { image: NamedImage; cause: Problem }[] = [];
  let done = 0;
  let stopped: unknown;
  const pull = async (image: NamedImage): Promise<StoredContainerImage | undefined> => {
    if (stopped !== undefined) return undefined;
    try {
      const stored = await pullNamed(context, state.arch, options.puller, image);
      done += 1;
      context.onProgress({ kind: 'image', reference: image.reference.text, number: done, count: named.length });
      return stored;
    } catch (cause) {
      if (cause instanceof Problem && cause.code !== 'CANCELLED' && cause.code !== 'DISK_FULL') missing.push({ image, cause });
      else stopped ??= cause;
      return undefined;
    }
  };
  const images = await Promise.all(named.map((image) => limit(pull, image)));
  if (stopped !== undefined) throw stopped;
  if (missing.length > 0) throw missingProblem(missing);
  return images.filter((image) => image !== undefined);
}

async function pullNamed(
  context: BuildContext,
  arch: Arch,
  puller: ImagePuller,
  named: NamedImage,
): Promise<StoredContainerImage> {
  if (context.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
  const { store, signal } = context;
  const descriptor = await puller.pullImage(named.reference, { os: 'linux', arch }, store, signal);
  const manifest = await store.readManifest(descriptor.digest);
  const { digest } = named.reference;
  if (digest === undefined || digest === descriptor.digest) return { named, descriptor, manifest };
  const index = await readFile(store.blobPath(digest));
  const { mediaType } = parseIndex(index, `index ${digest}`);
  return { named, descriptor, manifest, asked: { mediaType: mediaType ?? mediaTypes.index, digest, size: index.length } };
}

function missingProblem(missing: readonly { readonly image: NamedImage; readonly cause: Problem }[]): Problem {
  const lines = missing.map(
    ({ image, cause }) => `${placeOf(image)}: the image ${image.reference.text} cannot be had: ${cause.message}`,
  );
  const more = lines.length > mostTold ? [`… and ${lines.length - mostTold} more`] : [];
  const [{ image, cause }] = missing as [(typeof missing)[0]];
  return new Problem('BUILD_INPUT_INVALID', [...lines.slice(0, mostTold), ...more].join('\n'), {
    remedy: 'Correct its name, log in to its registry, or name it in a list for --ignored-image-list.',
    details: {
      file: image.file,
      line: image.line,
      image: image.reference.text,
      reason: cause.code,
      missing: missing.map((each) => ({ file: each.image.file, line: each.image.line, image: each.image.reference.text })),
    },
    cause,
  });
}
