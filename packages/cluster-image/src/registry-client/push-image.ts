import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Problem } from '@seal/foundation';
import pLimit from 'p-limit';
import type { ImageStore } from '../store/image-store.ts';
import type { Descriptor } from '../store/manifest.ts';
import { partsOf, readImageParts } from '../store/read-image.ts';
import { connectRegistry, type RegistryConnection } from './registry-connection.ts';
import type { RegistryOptions } from './registry-options.ts';
import { parseRegistryReference, type RegistryReference } from './registry-reference.ts';
import { registryEndpoints } from './registry-settings.ts';
import { runAll } from './run-all.ts';
import { makeTransferMeter, type TransferProgress } from './transfer-progress.ts';
import { uploadBlob } from './upload-blob.ts';

export interface PushOptions extends RegistryOptions {
  /** Name in the registry. Default: the image's own name. */
  readonly destination?: string;
  /** Architecture of the one image of an index that is sent, under its own digest. Default: all that the image has. */
  readonly arch?: string;
  /** Blobs at the same time. Default 4. */
  readonly parallel?: number;
  /** Size of the pieces in which blobs go up. Default 16 MiB. */
  readonly chunkBytes?: number;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface PushedImage {
  /** Name in the registry. */
  readonly reference: string;
  /** Of the index, where all of one was sent. */
  readonly digest: string;
  readonly platforms: readonly { readonly os: string; readonly arch: string; readonly digest: string }[];
  readonly sentBlobs: number;
  readonly sentBytes: number;
  /** Blobs that the registry took from another of its repositories. */
  readonly mountedBlobs: number;
}

/**
 * Sends an image of the store to a registry, an index with every platform; only blobs that the registry lacks move, and the name is given
 * last. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, IMAGE_REFERENCE_INVALID, REGISTRY_*, BLOB_DIGEST_MISMATCH, CANCELLED.
 */
export async function pushImage(store: ImageStore, name: string, options: PushOptions): Promise<PushedImage> {
  const image = await store.inspect(name, options.arch);
  const whole = options.arch === undefined ? image.indexDigest : undefined;
  const parts = await readImageParts(store.directory, whole ?? image.digest);
  const reference = parseRegistryReference(options.destination ?? ownName(name, image.references));
  if (reference.digest !== undefined || reference.tag === undefined)
    throw new Problem('IMAGE_REFERENCE_INVALID', `"${reference.text}" has a digest; an image is pushed to NAME:TAG`);
  const [endpoint] = await registryEndpoints(reference.registry, options, false);
  const connection = await connectRegistry(endpoint!, reference.path, options);
  try {
    const needed = parts.manifests.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]);
    const blobs = [...new Map(needed.map((blob) => [blob.digest, blob])).values()];
    const sources = await mountSources(store, reference, blobs);
    const counts = await sendBlobs(store, connection, reference, blobs, sources, options);
    // A registry takes an index only when it has what the index names.
    for (const { descriptor } of parts.isIndex ? parts.manifests : [])
      await putManifest(store, connection, reference, descriptor.digest, descriptor);
    await putManifest(store, connection, reference, reference.tag, parts);
    const platforms = image.platforms.filter(({ digest }) => whole !== undefined || digest === image.digest);
    return { reference: reference.text, digest: parts.digest, platforms, ...counts };
  } finally {
    connection.close();
  }
}

/** What was written, unless that is a digest. */
function ownName(written: string, references: readonly string[]): string {
  return /^(sha256:)?[0-9a-f]{6,64}$/.test(written) ? (references[0] ?? written) : written;
}

async function sendBlobs(
  store: ImageStore,
  connection: RegistryConnection,
  reference: RegistryReference,
  blobs: readonly Descriptor[],
  sources: ReadonlyMap<string, readonly string[]>,
  options: PushOptions,
): Promise<{ sentBlobs: number; sentBytes: number; mountedBlobs: number }> {
  const meter = makeTransferMeter(blobs, options.onProgress);
  const limit = pLimit(options.parallel ?? 4);
  const counts = { sentBlobs: 0, sentBytes: 0, mountedBlobs: 0 };
  const send = async ({ digest, size }: Descriptor) => {
    const blob = { digest, size, file: store.blobPath(digest) };
    const mountFrom = sources.get(digest) ?? [];
    const chunk = options.chunkBytes === undefined ? {} : { chunkBytes: options.chunkBytes };
    const result = await uploadBlob(connection, reference.path, blob, { mountFrom, onBytes: meter.moved, ...chunk });
    if (result !== 'sent') {
      if (result === 'mounted') counts.mountedBlobs += 1;
      return meter.found(size);
    }
    counts.sentBlobs += 1;
    counts.sentBytes += size;
    meter.finished();
  };
  await runAll(
    blobs.map((blob) => () => send(blob)),
    limit,
  );
  return counts;
}

async function putManifest(
  store: ImageStore,
  connection: RegistryConnection,
  { path, text }: RegistryReference,
  tagOrDigest: string,
  { digest, mediaType }: { readonly digest: string; readonly mediaType: string },
): Promise<void> {
  const bytes = await readFile(store.blobPath(digest));
  const reply = await connection.request({
    method: 'PUT',
    target: `/v2/${path}/manifests/${tagOrDigest}`,
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: () => Readable.from([bytes]),
    scope: `repository:${path}:pull,push`,
  });
  reply.body.resume();
  const stored = reply.headers['docker-content-digest'];
  if (typeof stored === 'string' && stored !== digest)
    throw new Problem(
      'BLOB_DIGEST_MISMATCH',
      `the registry stored the manifest of ${text} as ${stored}; its digest is ${digest}`,
    );
}

/** For each blob the repositories of the same registry that have it, as the names of other images in the store tell. */
async function mountSources(
  store: ImageStore,
  reference: RegistryReference,
  blobs: readonly Descriptor[],
): Promise<Map<string, string[]>> {
  const wanted = new Set(blobs.map(({ digest }) => digest));
  const sources = new Map<string, string[]>();
  for (const { reference: name, digest, damage } of await store.list()) {
    if (
      damage !== undefined ||
      name === undefined ||
      !name.startsWith(`${reference.registry}/`) ||
      reference.registry === 'localhost'
    )
      continue;
    const { path } = parseRegistryReference(name);
    for (const blob of partsOf(await readImageParts(store.directory, digest)))
      if (path !== reference.path && wanted.has(blob.digest))
        sources.set(blob.digest, [...(sources.get(blob.digest) ?? []), path]);
  }
  return sources;
}
