import { Problem } from '@seal/foundation';
import type { Descriptor, Manifest } from '../../store/manifest.ts';
import type { PlannedEntry } from '../planned-entry.ts';
import { type NamedImage, placeOf } from './named-image.ts';

export const registryFolder = 'registry';
/** Where the registry of a rootfs keeps what it serves: the layout of the distribution registry, which its container has as it is. */
export const registryRoot = `${registryFolder}/docker/registry/v2`;

/** An image whose blobs lie in the store. */
export interface StoredContainerImage {
  readonly named: NamedImage;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** The index that was asked for by digest. */
  readonly asked?: Descriptor;
}

export interface RegistryInput {
  readonly images: readonly StoredContainerImage[];
  blobPath(digest: string): string;
  /** Whether the rootfs has that file already. */
  isThere(path: string): boolean;
}

/**
 * The entries that make a registry serve these images: each blob once, whatever images have it, and small files that tell which repository
 * has which. Registries of other names are left out of the path, since nodes reach all of them through this one.
 * Throws BUILD_INPUT_INVALID where two images would have one name.
 */
export function registryEntries({ images, blobPath, isThere }: RegistryInput): PlannedEntry[] {
  const entries = new Map<string, PlannedEntry>();
  const tags = new Map<string, StoredContainerImage>();
  const add = (path: string, content: PlannedEntry['content']) => {
    if (!isThere(path)) entries.set(path, { path, kind: 'file', mode: 0o644, ...(content ? { content } : {}) });
  };
  for (const image of images) {
    const { named, descriptor, manifest, asked } = image;
    const { repository, tag } = named.reference;
    const base = `${registryRoot}/repositories/${repository}`;
    const link = (path: string, digest: string) => add(`${base}/${path}/link`, { bytes: Buffer.from(digest) });
    const blob = ({ digest, size }: Descriptor) =>
      add(`${registryRoot}/blobs/${split(digest)}/data`, { path: blobPath(digest), digest, sizeBytes: size });
    for (const part of [manifest.config, ...manifest.layers]) {
      blob(part);
      link(`_layers/sha256/${hexOf(part.digest)}`, part.digest);
    }
    // Who asks by the digest of an index gets that index.
    for (const part of [descriptor, ...(asked ? [asked] : [])]) {
      blob(part);
      link(`_manifests/revisions/sha256/${hexOf(part.digest)}`, part.digest);
    }
    if (tag === undefined) continue;
    refuseConflict(tags.get(`${repository}:${tag}`), image);
    tags.set(`${repository}:${tag}`, image);
    const current = (asked ?? descriptor).digest;
    link(`_manifests/tags/${tag}/current`, current);
    link(`_manifests/tags/${tag}/index/sha256/${hexOf(current)}`, current);
  }
  return [...entries.values()];
}

function refuseConflict(before: StoredContainerImage | undefined, { named, descriptor }: StoredContainerImage): void {
  if (!before || before.descriptor.digest === descriptor.digest) return;
  const [a, b] = [before.named, named].map((each) => `${placeOf(each)}: ${each.reference.text}`);
  throw new Problem(
    'BUILD_INPUT_INVALID',
    `${b} has the name of another image (${a}): the registry of the cluster does not tell registries apart`,
    { remedy: 'Give one of the two another name or tag.', details: { file: named.file, line: named.line } },
  );
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}

function split(digest: string): string {
  const hex = hexOf(digest);
  return `sha256/${hex.slice(0, 2)}/${hex}`;
}
