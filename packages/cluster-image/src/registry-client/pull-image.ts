import { Problem } from '@seal/foundation';
import pLimit from 'p-limit';
import { parseReference } from '../reference/parse-reference.ts';
import type { ImageStore } from '../store/image-store.ts';
import { type Descriptor, type ImageIndex, maximumJsonBytes } from '../store/manifest.ts';
import type { StoreSession } from '../store/session.ts';
import { downloadBlob } from './download-blob.ts';
import { sweepDownloads, withDownloadPlace } from './download-place.ts';
import { type FetchedManifest, readManifest } from './read-manifest.ts';
import { connectRegistry, type RegistryConnection } from './registry-connection.ts';
import type { RegistryOptions } from './registry-options.ts';
import { parseRegistryReference, type RegistryReference } from './registry-reference.ts';
import { registryEndpoints } from './registry-settings.ts';
import { runAll } from './run-all.ts';
import { makeTransferMeter, type TransferProgress } from './transfer-progress.ts';

export interface PullOptions extends RegistryOptions {
  /** `amd64`, `arm64`. Default: this machine's. */
  readonly arch?: string;
  /** Blobs at the same time. Default 4. */
  readonly parallel?: number;
  /** Name in the store. Default: the reference itself; needed where that has only a digest. */
  readonly name?: string;
  readonly onProgress?: (progress: TransferProgress) => void;
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
 * Brings an image of a registry into the store; only blobs that the store lacks move, and a pull that was cut goes on where it was.
 * Every byte is verified against the digests of the manifest. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, IMAGE_INVALID,
 * BLOB_DIGEST_MISMATCH, REGISTRY_*, DISK_FULL, CANCELLED.
 */
export async function pullImage(store: ImageStore, written: string, options: PullOptions): Promise<PulledImage> {
  const reference = parseRegistryReference(written);
  const name = options.name ?? nameOf(reference, written);
  const endpoints = await registryEndpoints(reference.registry, options, true);
  await sweepDownloads(store);
  // While the session is open, no clean-up takes blobs that have no name yet.
  const session = await store.openSession('pull');
  try {
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        const connection = await connectRegistry(endpoint, reference.path, options);
        try {
          return await pullFrom({
            store,
            session,
            connection,
            path: `${endpoint.prefix}${reference.path}`,
            reference,
            name,
            options,
          });
        } finally {
          connection.close();
        }
      } catch (thrown) {
        const isLast = index === endpoints.length - 1;
        if (isLast || !(thrown instanceof Problem) || !triesNext.has(thrown.code)) throw thrown;
        options.onWarning?.(`the mirror ${endpoint.host} is left out: ${thrown.message}`);
      }
    }
    throw new Problem('INTERNAL', `there is no place to pull ${written} from`);
  } finally {
    await session.close();
  }
}

interface Pull {
  readonly store: ImageStore;
  readonly session: StoreSession;
  readonly connection: RegistryConnection;
  readonly path: string;
  readonly reference: RegistryReference;
  readonly name: string;
  readonly options: PullOptions;
}

async function pullFrom(pull: Pull): Promise<PulledImage> {
  const { store, reference, connection, path, options, name } = pull;
  const top = await readManifest(connection, path, reference.digest ?? reference.tag!);
  const image = await choosePlatform(pull, top);
  const { config, layers } = image.manifest;
  if (config.size > maximumJsonBytes)
    throw new Problem('IMAGE_INVALID', `the config of ${reference.text} has ${config.size} bytes (limit ${maximumJsonBytes})`);
  const blobs = uniqueBlobs([config, ...layers]);
  const meter = makeTransferMeter(blobs, options.onProgress);
  const limit = pLimit(options.parallel ?? 4);
  const moved: number[] = [];
  const bring = async (blob: Descriptor) => {
    if ((await store.blobSize(blob.digest)) === blob.size && (await store.hasBlob(blob.digest))) return meter.found(blob.size);
    await bringBlob(pull, blob, meter.moved);
    moved.push(blob.size);
    meter.finished();
  };
  await runAll(
    blobs.map((blob) => () => bring(blob)),
    limit,
  );
  await store.writeBlob([image.bytes], image.digest);
  const { architecture } = await store.readConfig(image.manifest);
  await store.putReference(name, image.digest);
  return {
    reference: parseReference(name).text,
    digest: image.digest,
    arch: architecture,
    movedBlobs: moved.length,
    movedBytes: moved.reduce((sum, size) => sum + size, 0),
    from: connection.endpoint.host,
  };
}

async function choosePlatform(
  { connection, path, options, reference }: Pull,
  top: FetchedManifest,
): Promise<Extract<FetchedManifest, { kind: 'manifest' }>> {
  if (top.kind === 'manifest') return top;
  const arch = options.arch ?? (process.arch === 'x64' ? 'amd64' : process.arch);
  const chosen = platformOf(top.index, arch);
  if (!chosen) {
    const there = top.index.manifests.map(({ platform }) => (platform ? `${platform.os}/${platform.architecture}` : 'unknown'));
    throw new Problem(
      'IMAGE_ARCH_MISMATCH',
      `${reference.text} has no image for linux/${arch}; it has: ${[...new Set(there)].join(', ')}`,
      {
        remedy: 'Choose one of these with --platform.',
        details: { arch, there },
      },
    );
  }
  const found = await readManifest(connection, path, chosen.digest);
  if (found.kind === 'manifest') return found;
  throw new Problem('IMAGE_INVALID', `the index ${reference.text} names another index for linux/${arch}`);
}

function platformOf(index: ImageIndex, arch: string): Descriptor | undefined {
  const fitting = index.manifests.filter(({ platform }) => platform?.os === 'linux' && platform.architecture === arch);
  // Of several variants (arm64/v8) the plain one is the common ground.
  return fitting.find(({ platform }) => platform?.variant === undefined || platform.variant === 'v8') ?? fitting[0];
}

async function bringBlob({ store, session, connection, path }: Pull, blob: Descriptor, onBytes: (count: number) => void) {
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

function uniqueBlobs(blobs: readonly Descriptor[]): Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

function nameOf(reference: RegistryReference, written: string): string {
  if (reference.tag !== undefined) return `${reference.registry}/${reference.repository}:${reference.tag}`;
  throw new Problem('IMAGE_REFERENCE_INVALID', `"${written}" has only a digest, so the image has no name for the store`, {
    remedy: 'Write a tag before the digest, NAME:TAG@sha256:…, or give a name with --name.',
  });
}
