import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { ImageStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';

/** Puts an image with layers of random bytes into a store; for tests. Gives the digest of its manifest. */
export async function makeTestImage(
  store: ImageStore,
  reference: string,
  layerBytes: readonly number[],
  arch = 'amd64',
  types: 'oci' | 'docker' = 'oci',
): Promise<string> {
  const [manifestType, configType, layerType] =
    types === 'oci'
      ? [mediaTypes.manifest, mediaTypes.config, mediaTypes.layerGzip]
      : [mediaTypes.dockerManifest, mediaTypes.dockerConfig, mediaTypes.dockerLayerGzip];
  const tars = await Promise.all(layerBytes.map((size, index) => oneFileTar(`file-${index}`, randomBytes(size))));
  const layers = [];
  for (const tar of tars) {
    const blob = await store.writeBlob([gzipSync(tar, { level: 1 })]);
    layers.push({ mediaType: layerType, digest: blob.digest, size: blob.sizeBytes });
  }
  const diffIds = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`);
  const config = await writeJson(store, {
    architecture: arch,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: config.digest, size: config.sizeBytes },
    layers,
  };
  const { digest } = await writeJson(store, manifest);
  await store.putReference(reference, digest);
  return digest;
}

/** An index of test images for amd64 and arm64; gives its digest. */
export async function makeTestIndex(
  store: ImageStore,
  reference: string,
  layerBytes: readonly number[],
  types: 'oci' | 'docker' = 'oci',
): Promise<string> {
  const [indexType, manifestType] =
    types === 'oci' ? [mediaTypes.index, mediaTypes.manifest] : [mediaTypes.dockerIndex, mediaTypes.dockerManifest];
  const manifests = [];
  for (const architecture of ['amd64', 'arm64']) {
    const digest = await makeTestImage(store, 'part:1', layerBytes, architecture, types);
    const size = (await store.blobSize(digest)) ?? 0;
    manifests.push({ mediaType: manifestType, digest, size, platform: { os: 'linux', architecture } });
  }
  const { digest } = await writeJson(store, { schemaVersion: 2, mediaType: indexType, manifests });
  await store.putReference(reference, digest);
  for (const { reference: name, digest: part } of await store.list())
    if (name === undefined || name === 'localhost/part:1') await store.remove(name ?? part);
  return digest;
}

function writeJson(store: ImageStore, value: unknown) {
  return store.writeBlob([Buffer.from(JSON.stringify(value))]);
}

async function oneFileTar(name: string, bytes: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name }, bytes);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
