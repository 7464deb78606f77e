import { Problem } from '@seal/foundation';
import { machineArch } from '../store/choose-platform.ts';
import type { Descriptor, ImageIndex } from '../store/manifest.ts';
import { type FetchedManifest, type OneManifest, readManifest } from './read-manifest.ts';
import type { RegistryConnection } from './registry-connection.ts';

/** Which images of an index: every one, those for linux/ARCH, or by default that for this machine (and whatever a plain image is for). */
export type WantedPlatforms = 'all' | 'default' | readonly string[];

/** The manifests of the platforms that are wanted, in the order of the index. Throws IMAGE_ARCH_MISMATCH, IMAGE_INVALID and as readManifest. */
export async function choosePlatforms(
  connection: RegistryConnection,
  path: string,
  text: string,
  top: FetchedManifest,
  platforms: WantedPlatforms,
): Promise<OneManifest[]> {
  if (top.kind === 'manifest') return [top];
  const chosen = new Map(
    platforms === 'all'
      ? imagesOf(top.index).map((image) => [image.digest, image])
      : (platforms === 'default' ? [machineArch()] : platforms).map((arch) => {
          const image = imageFor(text, top.index, arch);
          return [image.digest, image];
        }),
  );
  if (chosen.size === 0) throw mismatch(text, top.index, 'any linux platform');
  const manifests: OneManifest[] = [];
  for (const { digest } of top.index.manifests.filter((image) => chosen.has(image.digest))) {
    if (manifests.some((one) => one.digest === digest)) continue;
    const found = await readManifest(connection, path, digest);
    if (found.kind === 'index') throw new Problem('IMAGE_INVALID', `the index ${text} names another index, ${digest}`);
    manifests.push(found);
  }
  return manifests;
}

/** What is for a linux machine: builders put attestations (platform unknown/unknown) beside the images. */
export function imagesOf(index: ImageIndex): Descriptor[] {
  return index.manifests.filter(({ platform }) => platform?.os === 'linux');
}

function imageFor(text: string, index: ImageIndex, arch: string): Descriptor {
  const fitting = imagesOf(index).filter(({ platform }) => platform?.architecture === arch);
  // Of several variants (arm64/v8) the plain one is the common ground.
  const plain = fitting.find(({ platform }) => platform?.variant === undefined || platform.variant === 'v8');
  const chosen = plain ?? fitting[0];
  if (chosen) return chosen;
  throw mismatch(text, index, `linux/${arch}`);
}

function mismatch(text: string, index: ImageIndex, wanted: string): Problem {
  const there = index.manifests.map(({ platform }) => (platform ? `${platform.os}/${platform.architecture}` : 'unknown'));
  return new Problem('IMAGE_ARCH_MISMATCH', `${text} has no image for ${wanted}; it has: ${[...new Set(there)].join(', ')}`, {
    remedy: 'Choose one of these with --platform.',
    details: { wanted, there },
  });
}
