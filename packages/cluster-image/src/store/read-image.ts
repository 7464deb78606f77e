import { readFile, stat } from 'node:fs/promises';
import { Problem, sha256Digest } from '@seal/foundation';
import { blobPath } from './blobs.ts';
import {
  type Descriptor,
  type ImageConfig,
  type Manifest,
  maximumJsonBytes,
  maximumPlatforms,
  parseConfig,
  parseIndex,
  parseManifest,
} from './manifest.ts';
import { mediaTypes } from './media-types.ts';

/** The manifest blob `digest`. Throws IMAGE_NOT_FOUND, IMAGE_INVALID, IMAGE_STORE_DAMAGED (bytes that do not fit the digest). */
export async function readImageManifest(storeDirectory: string, digest: string): Promise<Manifest> {
  return parseManifest(await readSmallBlob(storeDirectory, digest, 'manifest'), `manifest ${digest}`);
}

/** What a name in a store stands for: one manifest, or an index with one for each platform. */
export interface ImageParts {
  /** Of the index or the one manifest. */
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly isIndex: boolean;
  readonly manifests: readonly { readonly descriptor: Descriptor; readonly manifest: Manifest }[];
}

/** The manifest or index `digest` with all its manifests. Throws like readImageManifest; an index in an index is IMAGE_INVALID. */
export async function readImageParts(storeDirectory: string, digest: string): Promise<ImageParts> {
  const bytes = await readSmallBlob(storeDirectory, digest, 'manifest');
  const own = { digest, size: bytes.length };
  if (!isIndexJson(bytes)) {
    const manifest = parseManifest(bytes, `manifest ${digest}`);
    const mediaType = manifest.mediaType ?? mediaTypes.manifest;
    return { ...own, mediaType, isIndex: false, manifests: [{ descriptor: { ...own, mediaType }, manifest }] };
  }
  const index = parseIndex(bytes, `index ${digest}`);
  if (index.manifests.length > maximumPlatforms)
    throw new Problem('IMAGE_INVALID', `index ${digest} has ${index.manifests.length} manifests (limit ${maximumPlatforms})`);
  if (index.manifests.length === 0) throw new Problem('IMAGE_INVALID', `index ${digest} has no manifest`);
  const manifests = [];
  for (const descriptor of index.manifests)
    manifests.push({ descriptor, manifest: await readImageManifest(storeDirectory, descriptor.digest) });
  return { ...own, mediaType: index.mediaType ?? mediaTypes.index, isIndex: true, manifests };
}

/** Whether JSON is an index rather than a manifest; either may lack its media type. Text that is no JSON is none. */
export function isIndexJson(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && 'manifests' in value && !('layers' in value);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}

/** Every blob of an image but that of `digest` itself. */
export function partsOf({ digest, manifests }: ImageParts): Descriptor[] {
  return manifests.flatMap(({ descriptor, manifest }) => [
    ...(descriptor.digest === digest ? [] : [descriptor]),
    manifest.config,
    ...manifest.layers,
  ]);
}

/** The config that a manifest names. Throws like readImageManifest. */
export async function readImageConfig(storeDirectory: string, manifest: Manifest): Promise<ImageConfig> {
  const { digest } = manifest.config;
  const config = parseConfig(await readSmallBlob(storeDirectory, digest, 'config'), `config ${digest}`);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    const counts = `${config.rootfs.diff_ids.length} diff ids for ${manifest.layers.length} layers`;
    throw new Problem('IMAGE_INVALID', `config ${digest} has ${counts}`);
  }
  return config;
}

async function readSmallBlob(storeDirectory: string, digest: string, what: string): Promise<Buffer> {
  const path = blobPath(storeDirectory, digest);
  const found = await stat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (!found) throw new Problem('IMAGE_NOT_FOUND', `the ${what} ${digest} is not in the store`, { details: { digest } });
  if (found.size > maximumJsonBytes)
    throw new Problem('IMAGE_INVALID', `the ${what} ${digest} has ${found.size} bytes (limit ${maximumJsonBytes})`);
  const bytes = await readFile(path);
  if (sha256Digest(bytes) !== digest) {
    throw new Problem('IMAGE_STORE_DAMAGED', `the bytes of ${path} do not have that digest any more`, { details: { path } });
  }
  return bytes;
}
