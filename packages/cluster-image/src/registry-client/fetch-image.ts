import { Problem } from '@seal/foundation';
import pLimit, { type LimitFunction } from 'p-limit';
import type { ImageStore } from '../store/image-store.ts';
import { type Descriptor, maximumJsonBytes } from '../store/manifest.ts';
import type { StoreSession } from '../store/session.ts';
import { choosePlatforms, type WantedPlatforms } from './choose-platforms.ts';
import { downloadBlob } from './download-blob.ts';
import { sweepDownloads, withDownloadPlace } from './download-place.ts';
import { type FetchedManifest, type OneManifest, readManifest } from './read-manifest.ts';
import { connectRegistry, type RegistryConnection } from './registry-connection.ts';
import type { RegistryOptions } from './registry-options.ts';
import type { RegistryReference } from './registry-reference.ts';
import { registryEndpoints } from './registry-settings.ts';
import { runAll } from './run-all.ts';
import { makeTransferMeter, type TransferProgress } from './transfer-progress.ts';

export interface FetchOptions extends RegistryOptions {
  /** Blobs at the same time. Default 4. */
  readonly parallel?: number;
  readonly onProgress?: (progress: TransferProgress) => void;
  /** Blobs that others bring into the same store now, so that none is brought twice. Default: of this call alone. */
  readonly underWay?: BlobsUnderWay;
}

/** Blobs on their way into a store, by digest. */
export type BlobsUnderWay = Map<string, Promise<void>>;

/** What fetches that run at the same time into one store share. */
export interface SharedFetches {
  readonly limit: LimitFunction;
  readonly underWay: BlobsUnderWay;
}

/** An image whose blobs are in the store, without a name there. */
export interface FetchedImage {
  /** What the reference stands for: the manifest, or the index that the registry has. The bytes of an index are not in the store. */
  readonly top: FetchedManifest;
  /** The images that were wanted, in the order of the index; their manifests, configs and layers are in the store. */
  readonly images: readonly (OneManifest & { readonly os: string; readonly arch: string })[];
  readonly movedBlobs: number;
  readonly movedBytes: number;
  /** Where it came from: the registry, or one of its mirrors. */
  readonly from: string;
}

/** Codes after which the next mirror, or the registry itself, is asked. */
const triesNext = new Set([
  'REGISTRY_UNREACHABLE',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_DENIED',
  'REGISTRY_PROTOCOL',
  'IMAGE_NOT_FOUND',
  'IMAGE_INVALID',
  'BLOB_DIGEST_MISMATCH',
]);

/**
 * Brings an image of a registry, or of its mirrors, into the store for the platforms that are wanted; only blobs that the store lacks move.
 * It gets no name: the caller keeps a session of the store open until it has named it, else a clean-up may take it.
 * Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, IMAGE_INVALID, BLOB_DIGEST_MISMATCH, REGISTRY_*, DISK_FULL, CANCELLED.
 */
export async function fetchImage(
  store: ImageStore,
  session: StoreSession,
  reference: RegistryReference,
  platforms: WantedPlatforms,
  options: FetchOptions,
  shared: SharedFetches = { limit: pLimit(options.parallel ?? 4), underWay: options.underWay ?? new Map() },
): Promise<FetchedImage> {
  const endpoints = await registryEndpoints(reference.registry, options, true);
  await sweepDownloads(store);
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const connection = await connectRegistry(endpoint, reference.path, options);
      try {
        const path = `${endpoint.prefix}${reference.path}`;
        return await fetchFrom({ store, session, connection, path, reference, platforms, options, shared });
      } finally {
        connection.close();
      }
    } catch (thrown) {
      const isLast = index === endpoints.length - 1;
      if (isLast || !(thrown instanceof Problem) || !triesNext.has(thrown.code)) throw thrown;
      options.onWarning?.(`the mirror ${endpoint.host} is left out: ${thrown.message}`);
    }
  }
  throw new Problem('INTERNAL', `there is no place to pull ${reference.text} from`);
}

interface Fetch {
  readonly store: ImageStore;
  readonly session: StoreSession;
  readonly connection: RegistryConnection;
  readonly path: string;
  readonly reference: RegistryReference;
  readonly platforms: WantedPlatforms;
  readonly options: FetchOptions;
  readonly shared: SharedFetches;
}

async function fetchFrom(fetch: Fetch): Promise<FetchedImage> {
  const { store, reference, connection, path, options, shared, platforms } = fetch;
  const top = await readManifest(connection, path, reference.digest ?? reference.tag!);
  const chosen = await choosePlatforms(connection, path, reference.text, top, platforms);
  for (const { manifest } of chosen)
    if (manifest.config.size > maximumJsonBytes)
      throw new Problem(
        'IMAGE_INVALID',
        `the config of ${reference.text} has ${manifest.config.size} bytes (limit ${maximumJsonBytes})`,
      );
  const parts = chosen.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]);
  const blobs = [...new Map(parts.map((blob) => [blob.digest, blob])).values()];
  const meter = makeTransferMeter(blobs, options.onProgress);
  let movedBlobs = 0;
  let movedBytes = 0;
  const bring = async (blob: Descriptor) => {
    if ((await bringOnce(fetch, blob, meter.moved)) === 'there') return meter.found(blob.size);
    movedBlobs += 1;
    movedBytes += blob.size;
    meter.finished();
  };
  await runAll(
    blobs.map((blob) => () => bring(blob)),
    shared.limit,
  );
  const images = [];
  for (const one of chosen) {
    await store.writeBlob([one.bytes], one.digest);
    const { os, architecture } = await store.readConfig(one.manifest);
    images.push({ ...one, os, arch: architecture });
  }
  refuseOther(reference.text, top, images, platforms);
  return { top, images, movedBlobs, movedBytes, from: connection.endpoint.host };
}

/** An image without an index says in its config only what it is for. */
function refuseOther(text: string, top: FetchedManifest, images: FetchedImage['images'], platforms: WantedPlatforms): void {
  const [only] = images;
  if (top.kind === 'index' || !only || !Array.isArray(platforms) || platforms.includes(only.arch)) return;
  throw new Problem(
    'IMAGE_ARCH_MISMATCH',
    `${text} is for ${only.os}/${only.arch} alone; linux/${platforms.join(', linux/')} was asked for`,
    { remedy: 'Name an image that is made for it.', details: { wanted: platforms, there: [`${only.os}/${only.arch}`] } },
  );
}

async function bringOnce(fetch: Fetch, blob: Descriptor, onBytes: (count: number) => void): Promise<'there' | 'moved'> {
  const { store, shared } = fetch;
  const isHere = async () => (await store.blobSize(blob.digest)) === blob.size && (await store.hasBlob(blob.digest));
  for (let other = shared.underWay.get(blob.digest); other; other = shared.underWay.get(blob.digest))
    await other.catch(() => undefined); // Told to the fetch that it belongs to; this one tries by itself.
  if (await isHere()) return 'there';
  // Another one may have begun while the store was looked into.
  if (shared.underWay.has(blob.digest)) return bringOnce(fetch, blob, onBytes);
  const work = bringBlob(fetch, blob, onBytes);
  shared.underWay.set(blob.digest, work);
  try {
    await work;
    return 'moved';
  } finally {
    shared.underWay.delete(blob.digest);
  }
}

async function bringBlob({ store, session, connection, path }: Fetch, blob: Descriptor, onBytes: (count: number) => void) {
  await withDownloadPlace(store, session, blob.digest, async (file) => {
    let counted = 0;
    const count = (bytes: number) => {
      counted += bytes;
      onBytes(bytes);
    };
    await downloadBlob(connection, path, blob, file, count);
    // What an earlier pull had gathered counts as well.
    onBytes(blob.size - counted);
    await store.adoptBlob(file, blob.digest);
  });
}
