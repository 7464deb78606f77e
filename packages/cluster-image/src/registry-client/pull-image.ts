import { Problem } from '@seal/foundation';
import { parseReference } from '../reference/parse-reference.ts';
import type { ImageStore } from '../store/image-store.ts';
import { type FetchOptions, fetchImage } from './fetch-image.ts';
import { parseRegistryReference, type RegistryReference } from './registry-reference.ts';

export interface PullOptions extends FetchOptions {
  /** `amd64`, `arm64`. Default: this machine's. */
  readonly arch?: string;
  /** Name in the store. Default: the reference itself; needed where that has only a digest. */
  readonly name?: string;
}

export interface PulledImage {
  /** Name in the store. */
  readonly reference: string;
  /** Digest of the manifest of the one platform. */
  readonly digest: string;
  readonly arch: string;
  readonly movedBlobs: number;
  readonly movedBytes: number;
  /** Where it came from: the registry, or one of its mirrors. */
  readonly from: string;
}

/**
 * Brings an image of a registry into the store; only blobs that the store lacks move, and a pull that was cut goes on where it was.
 * Every byte is verified against the digests of the manifest. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, IMAGE_INVALID,
 * BLOB_DIGEST_MISMATCH, REGISTRY_*, DISK_FULL, CANCELLED.
 */
export async function pullImage(store: ImageStore, written: string, options: PullOptions): Promise<PulledImage> {
  const reference = parseRegistryReference(written);
  const name = options.name ?? nameOf(reference, written);
  // While the session is open, no clean-up takes blobs that have no name yet.
  const session = await store.openSession('pull');
  try {
    const platforms = options.arch === undefined ? 'default' : [options.arch];
    const { images, movedBlobs, movedBytes, from } = await fetchImage(store, session, reference, platforms, options);
    const { digest, arch } = images[0]!;
    await store.putReference(name, digest);
    return { reference: parseReference(name).text, digest, arch, movedBlobs, movedBytes, from };
  } finally {
    await session.close();
  }
}

function nameOf(reference: RegistryReference, written: string): string {
  if (reference.tag !== undefined) return `${reference.registry}/${reference.repository}:${reference.tag}`;
  throw new Problem('IMAGE_REFERENCE_INVALID', `"${written}" has only a digest, so the image has no name for the store`, {
    remedy: 'Write a tag before the digest, NAME:TAG@sha256:…, or give a name with --name.',
  });
}
