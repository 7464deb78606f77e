import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { canonicalJson, newId, Problem, systemRandom } from '@seal/foundation';
import tar from 'tar-stream';
import { decompress } from './decompress.ts';
import { syncPath, withDiskFull } from './durable-file.ts';
import { readExtension } from './image-extension.ts';
import type { ImageStore, InspectedImage } from './image-store.ts';
import { nameAnnotation } from './index-file.ts';
import { type Compression, layerCompression, mediaTypes } from './media-types.ts';
import { type ImageParts, partsOf } from './read-image.ts';

/** `oci-archive` is an OCI layout in a tar; `docker-archive` what `docker save` writes, with uncompressed layers. */
export type ArchiveFormat = 'oci-archive' | 'docker-archive';

const chunkBytes = 1024 * 1024;

/**
 * Writes one image, or all that `parts` holds, into `file`, beside it first. Equal images give equal bytes. Every blob is verified on its way.
 * Gives the size of the file in bytes. Throws FILE_UNUSABLE, IMAGE_STORE_DAMAGED, DISK_FULL.
 */
export async function saveArchive(
  store: ImageStore,
  image: InspectedImage,
  parts: ImageParts,
  file: string,
  format: ArchiveFormat,
): Promise<{ readonly sizeBytes: number }> {
  const target = await regularFile(file);
  const beside = join(dirname(target), `.${newId('save', systemRandom, 12)}`);
  const pack = tar.pack();
  let sizeBytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  };
  try {
    await withDiskFull(target, async () => {
      const written = pipeline(
        counted(pack as unknown as AsyncIterable<Buffer>),
        createWriteStream(beside, { flags: 'wx', highWaterMark: chunkBytes }),
      );
      const packed = format === 'oci-archive' ? packOci(store, image, parts, pack) : packDocker(store, image, pack);
      const filled = packed.then(() => pack.finalize());
      await Promise.all([filled.catch((thrown: Error) => pack.destroy(thrown)), written]);
      await filled;
    });
    await syncPath(beside);
    await rename(beside, target);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
  return { sizeBytes };
}

/** Where to write: what a link names, or the file itself. A device or pipe would be replaced by the file. */
async function regularFile(file: string): Promise<string> {
  const asked = resolve(file);
  const target = await realpath(asked).catch(() => asked);
  const found = await stat(target).catch(() => undefined);
  if (found && !found.isFile())
    throw new Problem('FILE_UNUSABLE', `cannot write ${file}: it is there and no regular file; expected a file or a new name`);
  const parent = await stat(dirname(target)).catch(() => undefined);
  if (!parent?.isDirectory())
    throw new Problem('FILE_UNUSABLE', `cannot write ${target}: there is no directory ${dirname(target)}`);
  return target;
}

async function packOci(store: ImageStore, image: InspectedImage, parts: ImageParts, pack: tar.Pack): Promise<void> {
  const descriptor = {
    mediaType: parts.mediaType,
    digest: parts.digest,
    size: parts.size,
    ...(parts.isIndex ? {} : { platform: { os: image.config.os, architecture: image.config.architecture } }),
    ...(image.reference ? { annotations: { [nameAnnotation]: image.reference } } : {}),
  };
  packBytes(pack, 'oci-layout', '{"imageLayoutVersion":"1.0.0"}\n');
  packBytes(pack, 'index.json', `${canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [descriptor] })}\n`);
  const digests = [parts.digest, ...partsOf(parts).map(({ digest }) => digest)];
  for (const digest of new Set(digests)) {
    const path = store.blobPath(digest);
    await packStream(
      pack,
      `blobs/sha256/${digest.slice('sha256:'.length)}`,
      (await stat(path)).size,
      verified(createReadStream(path, { highWaterMark: chunkBytes }), digest),
    );
  }
}

async function packDocker(store: ImageStore, image: InspectedImage, pack: tar.Pack): Promise<void> {
  if (readExtension(image.manifest, image.config).apps.length > 0)
    throw new Problem(
      'USAGE',
      `a docker-archive has no place for the apps of ${image.reference ?? image.digest}; save an oci-archive`,
    );
  const layerName = (diffId: string) => `${diffId.slice('sha256:'.length)}.tar`;
  const diffIds = image.config.rootfs.diff_ids;
  const configName = `${image.manifest.config.digest.slice('sha256:'.length)}.json`;
  const configPath = store.blobPath(image.manifest.config.digest);
  const config = verified(createReadStream(configPath), image.manifest.config.digest);
  await packStream(pack, configName, (await stat(configPath)).size, config);
  const done = new Set<string>();
  for (const [index, layer] of image.manifest.layers.entries()) {
    const diffId = diffIds[index];
    if (diffId === undefined || done.has(diffId)) continue;
    done.add(diffId);
    const compression = layerCompression(layer.mediaType) ?? 'none';
    // A tar header holds the size before the bytes, so the layer is decompressed twice: to count, then to write.
    const size = await unpackedSize(store.blobPath(layer.digest), compression);
    const bytes = decompress(createReadStream(store.blobPath(layer.digest)), compression);
    await packStream(pack, layerName(diffId), size, verified(bytes, diffId));
  }
  const entry = { Config: configName, RepoTags: image.reference ? [image.reference] : [], Layers: diffIds.map(layerName) };
  packBytes(pack, 'manifest.json', `${JSON.stringify([entry])}\n`);
}

async function unpackedSize(path: string, compression: Compression): Promise<number> {
  if (compression === 'none') return (await stat(path)).size;
  let size = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      done();
    },
  });
  await pipeline(decompress(createReadStream(path), compression), count);
  return size;
}

function packBytes(pack: tar.Pack, name: string, text: string): void {
  pack.entry({ name, mode: 0o644, mtime: new Date(0) }, text);
}

/** The bytes; IMAGE_STORE_DAMAGED in place of their end when they are not those of `digest`. */
async function* verified(bytes: AsyncIterable<Buffer>, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== digest)
    throw new Problem('IMAGE_STORE_DAMAGED', `the bytes of ${digest} in the store are not those that its digest names`, {
      details: { digest },
    });
}

async function packStream(pack: tar.Pack, name: string, size: number, bytes: AsyncIterable<Buffer>): Promise<void> {
  await pipeline(bytes, pack.entry({ name, size, mode: 0o644, mtime: new Date(0) }) as unknown as Writable);
}
