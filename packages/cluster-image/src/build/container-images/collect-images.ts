import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { Problem } from '@seal/foundation';
import pLimit from 'p-limit';
import type { ImageReference } from '../../reference/parse-reference.ts';
import type { ImageStore } from '../../store/image-store.ts';
import type { Descriptor } from '../../store/manifest.ts';
import type { Arch, BuildContext, BuildState } from '../build-state.ts';
import type { PlannedEntry } from '../planned-entry.ts';
import { imagesOfList, imagesOfManifest } from './find-images.ts';
import type { NamedImage } from './named-image.ts';
import { registryEntries, registryRoot, type StoredContainerImage } from './registry-entries.ts';
import { rootfsTexts } from './rootfs-texts.ts';

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

export interface CollectOptions {
  readonly puller: ImagePuller;
  /** Files with one image a line, beside those of the rootfs. */
  readonly lists?: readonly string[];
  /** Files with one image a line that are not collected, whoever names them. */
  readonly ignoredLists?: readonly string[];
  /** Images that are pulled at once. Default 4. */
  readonly atOnce?: number;
}

/**
 * The entries of the layer that holds the container images that the rootfs names (imageList, manifests/imageList, image fields of
 * manifests/ and of apps) and those of the lists. An image that the rootfs' registry has under that tag already is left as it is.
 * Throws BUILD_INPUT_INVALID with file and line of an image that cannot be had.
 */
export async function collectImages(
  context: BuildContext,
  state: BuildState,
  options: CollectOptions,
): Promise<readonly PlannedEntry[]> {
  const named = await namedImages(context, state, options);
  const limit = pLimit(options.atOnce ?? 4);
  let done = 0;
  const pull = async (image: NamedImage): Promise<StoredContainerImage> => {
    const stored = await pullNamed(context, state.arch, options.puller, image);
    done += 1;
    context.onProgress({ kind: 'image', reference: image.reference.text, number: done, count: named.length });
    return stored;
  };
  const results = await Promise.allSettled(named.map((image) => limit(pull, image)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const images = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const entries = registryEntries({
    images,
    blobPath: (digest) => context.store.blobPath(digest),
    isThere: (path) => state.tree.get(path) !== undefined,
  });
  return withParents(entries, state);
}

async function namedImages(context: BuildContext, state: BuildState, options: CollectOptions): Promise<NamedImage[]> {
  const readLists = async (paths: readonly string[] = []) =>
    (await Promise.all(paths.map(async (path) => imagesOfList(await readList(path), path)))).flat();
  const found = await readLists(options.lists);
  for (const [path, text] of await rootfsTexts(context, state, namesImages)) {
    if (posix.basename(path) === 'imageList') {
      found.push(...imagesOfList(text, path));
      continue;
    }
    const { images, warnings } = imagesOfManifest(text, path);
    found.push(...images);
    for (const message of warnings) context.onProgress({ kind: 'warning', message });
  }
  for (const path of state.tree.leafPaths()) {
    const chart = /^((?:charts|application\/apps)\/.*)\/Chart\.yaml$/.exec(path)?.[1];
    if (chart !== undefined) {
      const message = `${chart} is a Helm chart: the images that it names are not collected; add them to imageList`;
      context.onProgress({ kind: 'warning', message });
    }
  }
  const ignored = new Set((await readLists(options.ignoredLists)).map(({ reference }) => reference.text));
  const byName = new Map<string, NamedImage>();
  for (const image of found) {
    const { text, repository, tag, digest } = image.reference;
    const there = digest
      ? `_manifests/revisions/sha256/${digest.slice('sha256:'.length)}/link`
      : `_manifests/tags/${tag}/current/link`;
    const known = ignored.has(text) || state.tree.get(`${registryRoot}/repositories/${repository}/${there}`) !== undefined;
    if (!known && !byName.has(text)) byName.set(text, image);
  }
  return [...byName.values()];
}

function namesImages(path: string): boolean {
  if (path === 'imageList' || path === 'manifests/imageList') return true;
  return /^(?:manifests|application\/apps)\/.*\.ya?ml$/.test(path) && !/^application\/apps\/.*\/templates\//.test(path);
}

async function pullNamed(
  context: BuildContext,
  arch: Arch,
  puller: ImagePuller,
  named: NamedImage,
): Promise<StoredContainerImage> {
  if (context.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
  try {
    const descriptor = await puller.pullImage(named.reference, { os: 'linux', arch }, context.store, context.signal);
    return { named, descriptor, manifest: await context.store.readManifest(descriptor.digest) };
  } catch (cause) {
    if (!(cause instanceof Problem) || cause.code === 'CANCELLED' || cause.code === 'DISK_FULL') throw cause;
    const { file, line, reference } = named;
    throw new Problem('BUILD_INPUT_INVALID', `${file}:${line}: the image ${reference.text} cannot be had: ${cause.message}`, {
      remedy: 'Correct its name, log in to its registry, or name it in a list for --ignored-image-list.',
      details: { file, line, image: reference.text, reason: cause.code },
      cause,
    });
  }
}

async function readList(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Problem('BUILD_INPUT_INVALID', `the list of images ${path} cannot be read: ${cause.message}`, { cause });
  });
}

/** Directories of the entries, as the rootfs has them, and everything sorted. */
function withParents(entries: readonly PlannedEntry[], state: BuildState): PlannedEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries)
    for (let parent = posix.dirname(path); parent !== '.' && !all.has(parent); parent = posix.dirname(parent))
      all.set(parent, { path: parent, kind: 'directory', mode: state.tree.get(parent)?.mode ?? 0o755 });
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
