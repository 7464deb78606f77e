import { readFile, stat } from 'node:fs/promises';
import { Problem, sha256Digest } from '@seal/foundation';
import { blobPath } from './blobs.ts';
import { type ImageConfig, type Manifest, maximumJsonBytes, parseConfig, parseManifest } from './manifest.ts';

/** The manifest blob `digest`. Throws IMAGE_NOT_FOUND, IMAGE_INVALID, IMAGE_STORE_DAMAGED (bytes that do not fit the digest). */
export async function readImageManifest(storeDirectory: string, digest: string): Promise<Manifest> {
  return parseManifest(await readSmallBlob(storeDirectory, digest, 'manifest'), `manifest ${digest}`);
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
