import { canonicalJson, Problem, sha256Digest } from '@seal/foundation';
import { parseReference } from '../reference/parse-reference.ts';
import type { ImageStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import type { WantedPlatforms } from './choose-platforms.ts';
import { type FetchedImage, type FetchOptions, fetchImage } from './fetch-image.ts';
import { parseRegistryReference, type RegistryReference } from './registry-reference.ts';

export interface PullOptions extends FetchOptions {
  /**
   * Architectures of an index, for linux; `all`: every linux image of it. `default`: that of this machine alone, and a plain image
   * whatever it is for.
   */
  readonly platforms?: WantedPlatforms;
  /** Name in the store. Default: the reference itself; needed where that has only a digest. */
  readonly name?: string;
  /** Looks at the manifest or index, all of whose blobs are in the store, before it gets its name; what it throws ends the pull. */
  readonly admit?: (digest: string) => Promise<unknown>;
}

export interface PulledImage {
  /** Name in the store. */
  readonly reference: string;
  /** Digest of the manifest; where several platforms were wanted, of the index. */
  readonly digest: string;
  /** `amd64`; of an index all, with commas between. */
  readonly arch: string;
  readonly platforms: readonly { readonly os: string; readonly arch: string; readonly digest: string }[];
  readonly movedBlobs: number;
  readonly movedBytes: number;
  /** Where it came from: the registry, or one of its mirrors. */
  readonly from: string;
}

/**
 * Brings an image of a registry into the store; only blobs that the store lacks move, and a pull that was cut goes on where it was.
 * Every byte is verified against the digests of the manifest. An index all of whose images were wanted keeps its digest; of fewer a new
 * index is made, one image stands alone unless `all` was wanted. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, IMAGE_INVALID,
 * BLOB_DIGEST_MISMATCH, REGISTRY_*, DISK_FULL, CANCELLED.
 */
export async function pullImage(store: ImageStore, written: string, options: PullOptions): Promise<PulledImage> {
  const reference = parseRegistryReference(written);
  const name = options.name ?? nameOf(reference, written);
  const platforms = options.platforms ?? 'default';
  // While the session is open, no clean-up takes blobs that have no name yet.
  const session = await store.openSession('pull');
  try {
    const fetched = await fetchImage(store, session, reference, platforms, options);
    const digest = await topDigest(store, reference.text, fetched, platforms, options);
    await options.admit?.(digest);
    await store.putReference(name, digest);
    const { images, movedBlobs, movedBytes, from } = fetched;
    return {
      reference: parseReference(name).text,
      digest,
      arch: images.map(({ arch }) => arch).join(','),
      platforms: images.map((image) => ({ os: image.os, arch: image.arch, digest: image.digest })),
      movedBlobs,
      movedBytes,
      from,
    };
  } finally {
    await session.close();
  }
}

/** What gets the name: the only image that was wanted, the index as the registry has it, or a new one of a part of it. */
async function topDigest(
  store: ImageStore,
  text: string,
  { top, images }: FetchedImage,
  platforms: WantedPlatforms,
  { onWarning }: PullOptions,
): Promise<string> {
  const [first, second] = images;
  if (top.kind === 'manifest' || (!second && platforms !== 'all')) return first!.digest;
  const brought = new Set<string>(images.map(({ digest }) => digest));
  const manifests = top.index.manifests.filter(({ digest }) => brought.has(digest));
  if (manifests.length === top.index.manifests.length) {
    await store.writeBlob([top.bytes], top.digest);
    return top.digest;
  }
  const bytes = Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
  const digest = sha256Digest(bytes);
  if (platforms === 'all') {
    const left = top.index.manifests.length - manifests.length;
    onWarning?.(`${left} entries of the index ${text} are no linux images and left out, so its digest becomes ${digest}`);
  }
  await store.writeBlob([bytes], digest);
  return digest;
}

function nameOf(reference: RegistryReference, written: string): string {
  if (reference.tag !== undefined) return `${reference.registry}/${reference.repository}:${reference.tag}`;
  throw new Problem('IMAGE_REFERENCE_INVALID', `"${written}" has only a digest, so the image has no name for the store`, {
    remedy: 'Write a tag before the digest, NAME:TAG@sha256:…, or give a name with --name.',
  });
}
