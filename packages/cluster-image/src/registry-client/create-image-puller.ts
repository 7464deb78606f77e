import pLimit from 'p-limit';
import type { ImageReference } from '../reference/parse-reference.ts';
import type { ImageStore } from '../store/image-store.ts';
import type { Descriptor } from '../store/manifest.ts';
import { fetchImage, type SharedFetches } from './fetch-image.ts';
import type { RegistryOptions } from './registry-options.ts';
import { parseRegistryReference } from './registry-reference.ts';
import type { TransferProgress } from './transfer-progress.ts';

export interface ImagePullerOptions extends Omit<RegistryOptions, 'signal'> {
  /** Blobs at the same time, of all images together. Default 4. */
  readonly parallel?: number;
  /** How far the image of that name is. */
  readonly onProgress?: (reference: string, progress: TransferProgress) => void;
}

/** Brings container images into a store without naming them; `ImagePuller` of the build. */
export interface RegistryImagePuller {
  /**
   * Brings manifest, config and layers for the platform into the store and gives the descriptor of the manifest; where `reference` has the
   * digest of an index, the index's own bytes too. Only blobs that the store lacks move, each once, however many images want it at the
   * same time. The caller keeps a session of the store open as long as the image has no name; what a failed pull leaves is taken by the
   * next clean-up, or saves the next pull the way. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH (also for a plain image of another
   * architecture), IMAGE_INVALID, BLOB_DIGEST_MISMATCH, REGISTRY_*, DISK_FULL, CANCELLED; the message names image and registry.
   */
  pullImage(
    reference: ImageReference,
    platform: { readonly os: 'linux'; readonly arch: string },
    store: ImageStore,
    signal?: AbortSignal,
  ): Promise<Descriptor>;
}

/** A puller with the credentials, certificates and mirrors that `sealctl pull` has. */
export function createImagePuller({ onProgress, ...options }: ImagePullerOptions): RegistryImagePuller {
  const shared: SharedFetches = { limit: pLimit(options.parallel ?? 4), underWay: new Map() };
  const warned = new Set<string>();
  const onWarning = (message: string) => {
    // The same registry is spoken to for many images.
    if (!warned.has(message)) options.onWarning?.(message);
    warned.add(message);
  };
  return {
    async pullImage(written, { arch }, store, signal) {
      const reference = parseRegistryReference(written.text);
      const session = await store.openSession('pull');
      try {
        const fetched = await fetchImage(
          store,
          session,
          reference,
          [arch],
          {
            ...options,
            onWarning,
            ...(signal ? { signal } : {}),
            ...(onProgress ? { onProgress: (progress: TransferProgress) => onProgress(written.text, progress) } : {}),
          },
          shared,
        );
        if (fetched.top.kind === 'index' && reference.digest !== undefined)
          await store.writeBlob([fetched.top.bytes], fetched.top.digest);
        const { digest, mediaType, bytes, os, arch: architecture } = fetched.images[0]!;
        return { mediaType, digest, size: bytes.length, platform: { os, architecture } };
      } finally {
        await session.close();
      }
    },
  };
}
