import { Problem } from '@seal/foundation';
import { machineArch } from '../store/choose-platform.ts';
import { type Descriptor, type ImageIndex, maximumPlatforms } from '../store/manifest.ts';
import { type FetchedManifest, type OneManifest, readManifest } from './read-manifest.ts';
import type { RegistryConnection } from './registry-connection.ts';

/**
 * Which images of an index: every linux one; each of those for linux/ARCH; those of `anyOf` that are there, at least one; by default that
 * for this machine. A plain image is taken whatever it is for, unless architectures are named.
 */
export type WantedPlatforms = 'all' | 'default' | readonly string[] | { readonly anyOf: readonly string[] };

/** The manifests of the platforms that are wanted, in the order of the index. Throws IMAGE_ARCH_MISMATCH, IMAGE_INVALID and as readManifest. */
export async function choosePlatforms(
  connection: RegistryConnection,
  path: string,
  text: string,
  top: FetchedManifest,
  platforms: WantedPlatforms,
): Promise<OneManifest[]> {
  if (top.kind === 'manifest') return [top];
  const chosen = new Set(wantedImages(text, top.index, platforms).map(({ digest }) => digest));
  if (chosen.size > maximumPlatforms)
    throw new Problem('IMAGE_INVALID', `the index ${text} has ${chosen.size} images (limit ${maximumPlatforms})`, {
      remedy: 'Choose some of them with --platform.',
    });
  const manifests: OneManifest[] = [];
  for (const { digest } of top.index.manifests.filter((image) => chosen.has(image.digest))) {
    if (manifests.some((one) => one.digest === digest)) continue;
    const found = await readManifest(connection, path, digest);
    if (found.kind === 'index') throw new Problem('IMAGE_INVALID', `the index ${text} names another index, ${digest}`);
    manifests.push(found);
  }
  return manifests;
}

function wantedImages(text: string, index: ImageIndex, platforms: WantedPlatforms): Descriptor[] {
  if (platforms === 'default') return [imageFor(text, index, machineArch())];
  if (platforms !== 'all' && !('anyOf' in platforms)) return platforms.map((arch) => imageFor(text, index, arch));
  const found = platforms === 'all' ? imagesOf(index) : platforms.anyOf.flatMap((arch) => bestFor(index, arch));
  if (found.length > 0) return found;
  const wanted = platforms === 'all' ? 'any linux platform' : platforms.anyOf.map((arch) => `linux/${arch}`).join(' or ');
  throw mismatch(text, index, wanted);
}

/** What is for a linux machine: builders put attestations (platform unknown/unknown) beside the images. */
function imagesOf(index: ImageIndex): Descriptor[] {
  return index.manifests.filter(({ platform }) => platform?.os === 'linux');
}

function imageFor(text: string, index: ImageIndex, arch: string): Descriptor {
  const [best] = bestFor(index, arch);
  if (best) return best;
  throw mismatch(text, index, `linux/${arch}`);
}

/** Of several variants (arm64/v8) the plain one is the common ground. Nothing or one. */
function bestFor(index: ImageIndex, arch: string): Descriptor[] {
  const fitting = imagesOf(index).filter(({ platform }) => platform?.architecture === arch);
  const plain = fitting.find(({ platform }) => platform?.variant === undefined || platform.variant === 'v8');
  return [plain ?? fitting[0]].filter((image) => image !== undefined);
}

function mismatch(text: string, index: ImageIndex, wanted: string): Problem {
  const there = index.manifests.map(({ platform }) => (platform ? `${platform.os}/${platform.architecture}` : 'unknown'));
  return new Problem('IMAGE_ARCH_MISMATCH', `${text} has no image for ${wanted}; it has: ${[...new Set(there)].join(', ')}`, {
    remedy: 'Choose one of these with --platform.',
    details: { wanted, there },
  });
}
