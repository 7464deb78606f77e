import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { Problem } from '@seal/foundation';
import type { BuildContext, BuildState } from '../build-state.ts';
import { chartsOf } from './chart.ts';
import { imagesOfList, imagesOfManifest } from './find-images.ts';
import { containerReference, type NamedImage } from './named-image.ts';
import { registryRoot } from './registry-entries.ts';
import { renderCharts } from './render-charts.ts';
import { rootfsFiles } from './rootfs-files.ts';

export interface ImageLists {
  /** Files with one image a line, beside those of the rootfs. */
  readonly lists?: readonly string[];
  /** Files with one image a line that are not collected, whoever names them. */
  readonly ignoredLists?: readonly string[];
}

/**
 * The container images that the lists and the rootfs name (imageList, manifests/imageList, image fields of manifests/, of apps and of rendered
 * charts), each once, without those that are ignored or that the rootfs has: in its registry/, or in an archive in its images/.
 * Throws BUILD_INPUT_INVALID with file and line.
 */
export async function findNamedImages(context: BuildContext, state: BuildState, options: ImageLists): Promise<NamedImage[]> {
  const warn = (message: string) => context.onProgress({ kind: 'warning', message });
  const found = await readImageLists(options.lists);
  const ignored = new Set((await readImageLists(options.ignoredLists)).map(({ reference }) => reference.text));
  const charts = chartsOf(state);
  const isOfChart = (path: string) => charts.some((chart) => !chart.isPacked && path.startsWith(`${chart.path}/`));
  for (const [path, bytes] of await rootfsFiles(context, state, (each) => namesImages(each) && !isOfChart(each))) {
    const text = bytes.toString('utf8');
    if (posix.basename(path) === 'imageList') {
      found.push(...imagesOfList(text, path));
      continue;
    }
    const { images, warnings } = imagesOfManifest(text, path);
    found.push(...images);
    warnings.forEach(warn);
  }
  for (const { text, place } of await renderCharts(context, state, charts)) {
    const { images, warnings } = imagesOfManifest(text, place, false);
    found.push(...images);
    warnings.forEach(warn);
  }
  const archived = new Set(state.tree.archivedImages().flatMap(wholeName));
  const byName = new Map<string, NamedImage>();
  for (const image of found) {
    const { text } = image.reference;
    if (!ignored.has(text) && !archived.has(text) && !isServed(image, state) && !byName.has(text)) byName.set(text, image);
  }
  return [...byName.values()];
}

/** The images of all lists. Throws BUILD_INPUT_INVALID with file and line. */
export async function readImageLists(paths: readonly string[] = []): Promise<NamedImage[]> {
  const lists: NamedImage[] = [];
  for (const path of paths) lists.push(...imagesOfList(await readList(path), path));
  return lists;
}

async function readList(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Problem('BUILD_INPUT_INVALID', `the list of images ${path} cannot be read: ${cause.message}`, {
      remedy: 'Correct --image-list and --ignored-image-list; their paths are relative to the working directory.',
      cause,
    });
  });
}

function namesImages(path: string): boolean {
  if (path === 'imageList' || path === 'manifests/imageList') return true;
  return /^(?:manifests|application\/apps)\/.*\.ya?ml$/.test(path);
}

function isServed({ reference: { repository, tag, digest } }: NamedImage, state: BuildState): boolean {
  const there = digest ? `revisions/sha256/${digest.slice('sha256:'.length)}/link` : `tags/${tag}/current/link`;
  return state.tree.get(`${registryRoot}/repositories/${repository}/_manifests/${there}`) !== undefined;
}

/** An archive may carry names that are no references; they match nothing. */
function wholeName(written: string): string[] {
  try {
    return [containerReference(written).text];
  } catch (thrown) {
    if (thrown instanceof Problem) return [];
    throw thrown;
  }
}
