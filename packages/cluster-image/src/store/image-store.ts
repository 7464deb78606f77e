import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem, systemClock } from '@seal/foundation';
import { namedReference } from '../reference/named-reference.ts';
import { adoptBlob, type BlobSize, blobPath, blobSize, touchBlob, type WriteBlobOptions, writeBlob } from './blobs.ts';
import { type CheckResult, checkStore } from './check-store.ts';
import { collectGarbage, type GarbageResult, missingBlobs } from './collect-garbage.ts';
import { withDiskFull, writeFileDurably } from './durable-file.ts';
import { findImage, findImageOrPart } from './find-image.ts';
import { addedAnnotation, changeIndexFile, nameAnnotation, readIndexFile, writeIndexFile } from './index-file.ts';
import { type InspectedImage, inspectImage, inspectPlatforms, type StoredImage, summariseImage } from './inspect-image.ts';
import { type LoadedImage, type LoadOptions, loadArchive } from './load-archive.ts';
import { withLock } from './lock-file.ts';
import { makeDirectory } from './make-directory.ts';
import type { Descriptor, ImageConfig, Manifest } from './manifest.ts';
import { type ImageParts, partsOf, readImageConfig, readImageManifest, readImageParts } from './read-image.ts';
import { type ArchiveFormat, saveArchive } from './save-archive.ts';
import { openSession, type StoreSession, sweepSessions } from './session.ts';

export type { InspectedImage, StoredImage } from './inspect-image.ts';

export interface StoreOptions {
  /**
   * Blobs that no image names are kept this long after they were last written or touched. 0 (default) for a user's own store; a server,
   * to which clients send blobs first and the name last, wants a day.
   */
  readonly orphanGraceSeconds?: number;
}

/**
 * Opens a store of images, making it where there is none: an OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/`) with Seal's own
 * `tmp/`, `cache/` and `layer-index/` beside it. Several processes may use one store at once. Leftovers of dead processes are swept.
 * Throws FILE_UNUSABLE, IMAGE_STORE_DAMAGED, DISK_FULL.
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<ImageStore> {
  for (const part of ['blobs/sha256', 'tmp', 'cache', 'layer-index'])
    await withDiskFull(directory, () => makeDirectory(join(directory, part)));
  await withLock(join(directory, 'lock'), () => prepareLayout(directory));
  await sweepSessions(directory);
  return new ImageStore(directory, options.orphanGraceSeconds ?? 0);
}

async function prepareLayout(directory: string): Promise<void> {
  const path = join(directory, 'oci-layout');
  const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text === undefined) {
    await writeIndexFile(directory, []);
    await writeFileDurably(path, '{"imageLayoutVersion":"1.0.0"}\n');
  } else if (!/"imageLayoutVersion"\s*:\s*"1\./.test(text)) {
    throw new Problem('IMAGE_STORE_DAMAGED', `${path} is not that of an OCI image layout 1.x`, { details: { path } });
  }
}

/** A store of ClusterImages on disk; made by `openStore`. */
export class ImageStore {
  readonly directory: string;
  /** As StoreOptions has it. */
  readonly orphanGraceSeconds: number;

  constructor(directory: string, orphanGraceSeconds: number) {
    this.directory = directory;
    this.orphanGraceSeconds = orphanGraceSeconds;
  }

  /** A working directory on the store's file system; while it is open, blobs written or touched since it began are not collected. */
  openSession(purpose: string): Promise<StoreSession> {
    return openSession(this.directory, purpose);
  }

  /** Path of a blob that is, or would be, in the store. Throws IMAGE_INVALID for what is no digest. */
  blobPath(digest: string): string {
    return blobPath(this.directory, digest);
  }

  /** Whether the blob is there; marks it as wanted, so that it outlives the grace time from now. */
  hasBlob(digest: string): Promise<boolean> {
    return touchBlob(this.directory, digest);
  }

  /** Size in bytes, or undefined when the blob is not there. */
  blobSize(digest: string): Promise<number | undefined> {
    return blobSize(this.directory, digest);
  }

  /** Streams a blob in. Throws BLOB_DIGEST_MISMATCH, DISK_FULL; nothing is kept then. */
  async writeBlob(
    bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expectedDigest?: string,
    options?: WriteBlobOptions,
  ): Promise<BlobSize> {
    const session = await this.openSession('write');
    try {
      return await writeBlob(this.directory, session, bytes, expectedDigest, options);
    } finally {
      await session.close();
    }
  }

  /** Takes over a file of the same file system (an upload that is complete) after verifying it. The file is gone afterwards. */
  adoptBlob(path: string, expectedDigest: string): Promise<BlobSize> {
    return adoptBlob(this.directory, path, expectedDigest);
  }

  /** Throws IMAGE_NOT_FOUND, IMAGE_INVALID, IMAGE_STORE_DAMAGED. */
  readManifest(digest: string): Promise<Manifest> {
    return readImageManifest(this.directory, digest);
  }

  /** The config that a manifest names. Throws as readManifest. */
  readConfig(manifest: Manifest): Promise<ImageConfig> {
    return readImageConfig(this.directory, manifest);
  }

  /** Descriptor of the manifest or index that `name` (reference, digest, 6 or more hex digits) means. Throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS. */
  async resolve(name: string): Promise<Descriptor> {
    return findImage((await readIndexFile(this.directory)).manifests, name)[0];
  }

  /** The manifest, or the index with its manifests, that `name` means. Throws as resolve and readManifest. */
  async parts(name: string): Promise<ImageParts> {
    return readImageParts(this.directory, (await this.resolve(name)).digest);
  }

  /** Every name and every nameless image, by name; of those that cannot be read `damage` says why, and `check` tells more. */
  async list(): Promise<StoredImage[]> {
    const { manifests } = await readIndexFile(this.directory);
    const images: StoredImage[] = [];
    for (const descriptor of manifests) images.push(await summariseImage(this.directory, descriptor));
    return images.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  /**
   * All about one image; of an index about that for `arch` (default: this machine's, else the first), or that whose digest `name` is.
   * Throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS, IMAGE_INVALID, IMAGE_ARCH_MISMATCH.
   */
  async inspect(name: string, arch?: string): Promise<InspectedImage> {
    const { manifests } = await readIndexFile(this.directory);
    const { entry, part } = await findImageOrPart(this.directory, manifests, name);
    return inspectImage(this.directory, entry, manifests, arch, part);
  }

  /** As inspect, of the manifest or of every manifest of the index `digest`, which may have no name yet. */
  async inspectPlatforms(digest: string): Promise<InspectedImage[]> {
    const { manifests } = await readIndexFile(this.directory);
    const entry = manifests.find((descriptor) => descriptor.digest === digest);
    return inspectPlatforms(this.directory, entry ?? { digest, size: 0, mediaType: '' }, manifests);
  }

  /** Gives an image another name. Whatever had that name keeps its digest and becomes nameless. */
  async tag(name: string, reference: string): Promise<void> {
    const { digest } = await this.resolve(name);
    await this.putReference(reference, digest);
  }

  /**
   * Names a manifest whose blob, config and layers are all in the store, or an index all of whose manifests are so. Whatever had that name before stays as a nameless image, since a
   * cluster may still run from it. Throws IMAGE_INVALID, IMAGE_INCOMPLETE (details.missing), IMAGE_REFERENCE_INVALID.
   */
  async putReference(reference: string, manifestDigest: string): Promise<Descriptor> {
    const name = namedReference(reference);
    const { parts, configs } = await this.#completeImage(manifestDigest);
    const [config] = configs;
    const descriptor: Descriptor = {
      mediaType: parts.mediaType,
      digest: manifestDigest,
      size: parts.size,
      ...(config && !parts.isIndex ? { platform: { os: config.os, architecture: config.architecture } } : {}),
      annotations: { [nameAnnotation]: name, [addedAnnotation]: String(systemClock.now()) },
    };
    await changeIndexFile(this.directory, async (manifests) => {
      // Under the lock again: a clean-up may have come between.
      await this.#completeImage(manifestDigest);
      const others = manifests
        .filter((entry) => !(entry.digest === manifestDigest && [undefined, name].includes(entry.annotations?.[nameAnnotation])))
        .map((entry) => (entry.annotations?.[nameAnnotation] === name ? withoutName(entry) : entry));
      return dropNeedlessNameless([...others, descriptor]);
    });
    return descriptor;
  }

  /** Throws IMAGE_INCOMPLETE (details.missing) where blobs of a manifest or index are not there, and as readManifest. */
  async requireComplete(digest: string): Promise<void> {
    await this.#completeImage(digest);
  }

  /**
   * Takes a name away; with the last name of an image goes the image and every blob that no other image needs. By digest it removes the
   * image, and refuses with IMAGE_AMBIGUOUS when that has several names.
   */
  async remove(name: string): Promise<GarbageResult> {
    let result: GarbageResult = { removedBlobs: 0, freedBytes: 0 };
    await changeIndexFile(this.directory, async (manifests) => {
      const found = findImage(manifests, name);
      const names = found.map(({ annotations }) => annotations?.[nameAnnotation]).filter((text) => text !== undefined);
      if (found.length > 1) {
        throw new Problem('IMAGE_AMBIGUOUS', `${found[0].digest} has ${names.length} names: ${names.join(', ')}`, {
          details: { name, names },
        });
      }
      const left = manifests.filter((entry) => entry !== found[0]);
      await writeIndexFile(this.directory, left);
      result = await collectGarbage(this.directory, left, systemClock.now(), this.orphanGraceSeconds);
      return manifests;
    });
    return result;
  }

  /** Deletes blobs that no image needs and leftovers of dead processes. */
  async collectGarbage(): Promise<GarbageResult> {
    await sweepSessions(this.directory);
    let result: GarbageResult = { removedBlobs: 0, freedBytes: 0 };
    await changeIndexFile(this.directory, async (manifests) => {
      result = await collectGarbage(this.directory, manifests, systemClock.now(), this.orphanGraceSeconds);
      return manifests;
    });
    return result;
  }

  /**
   * Writes an image to a tar file (replaced as a whole). Default format `oci-archive`, with every platform of an index unless `arch` names
   * one; a docker-archive holds one, and refuses several with USAGE. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, FILE_UNUSABLE, IMAGE_STORE_DAMAGED, DISK_FULL.
   */
  async save(
    name: string,
    file: string,
    format: ArchiveFormat = 'oci-archive',
    arch?: string,
  ): Promise<{ readonly sizeBytes: number }> {
    const image = await this.inspect(name, arch);
    if (format === 'docker-archive' && arch === undefined && image.platforms.length > 1) throw severalPlatforms(name, image);
    const whole = arch === undefined && format === 'oci-archive' ? image.indexDigest : undefined;
    return saveArchive(this, image, await readImageParts(this.directory, whole ?? image.digest), file, format);
  }

  /** Takes the images of an oci-archive or docker-archive in; the file is not trusted. Throws IMAGE_INVALID, BLOB_DIGEST_MISMATCH and the like. */
  load(file: string, options?: LoadOptions): Promise<LoadedImage[]> {
    return loadArchive(this, file, options);
  }

  /** Reads every blob and says what is damaged, missing or left over. Changes nothing. */
  check(): Promise<CheckResult> {
    return checkStore(this.directory);
  }

  /** The image with its configs, none of whose blobs is missing. */
  async #completeImage(digest: string): Promise<{ parts: ImageParts; configs: ImageConfig[] }> {
    const parts = await readImageParts(this.directory, digest);
    const missing = await missingBlobs(this.directory, partsOf(parts));
    if (missing.length > 0) {
      throw new Problem('IMAGE_INCOMPLETE', `manifest ${digest} needs ${missing.length} blobs that are not in the store`, {
        details: { missing },
      });
    }
    return { parts, configs: await Promise.all(parts.manifests.map(({ manifest }) => this.readConfig(manifest))) };
  }
}

function severalPlatforms(name: string, { platforms }: InspectedImage): Problem {
  const there = platforms.map((platform) => `${platform.os}/${platform.arch}`).join(', ');
  return new Problem('USAGE', `${name} is for ${there}, and a docker-archive holds one of them`, {
    remedy: 'Say which with --platform, or save an oci-archive.',
  });
}

/** Named images by name, then the nameless by digest. */
function sortKey({ reference, digest }: StoredImage): string {
  return reference === undefined ? `\uffff${digest}` : `${reference} ${digest}`;
}

function withoutName(entry: Descriptor): Descriptor {
  const { [nameAnnotation]: _name, ...annotations } = entry.annotations ?? {};
  return { ...entry, annotations };
}

/** A nameless entry is only there to keep an image; it goes when the image has a name. */
function dropNeedlessNameless(entries: readonly Descriptor[]): Descriptor[] {
  const named = new Set(entries.filter(({ annotations }) => annotations?.[nameAnnotation]).map(({ digest }) => digest));
  return entries.filter(({ annotations, digest }) => annotations?.[nameAnnotation] !== undefined || !named.has(digest));
}
