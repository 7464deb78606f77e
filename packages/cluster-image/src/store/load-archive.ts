import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { canonicalJson, Problem } from '@seal/foundation';
import * as z from 'zod';
import { defaultLayerLimits } from '../rootfs/read-layer.ts';
import { type ArchiveFiles, archiveFiles } from './archive-files.ts';
import { choosePlatform, machineArch } from './choose-platform.ts';
import { decompress, fileCompression } from './decompress.ts';
import { gzipBlocks } from './gzip-blocks.ts';
import type { ImageStore } from './image-store.ts';
import { nameAnnotation } from './index-file.ts';
import { type Descriptor, maximumJsonBytes, maximumLayers, parseConfig, parseIndex, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { isIndexJson } from './read-image.ts';

export interface LoadOptions {
  /** Name to give; needed where the archive has none and several images, else the archive's own names are used. */
  readonly reference?: string;
  /** Which image to take of an archive for several architectures. Default: all; this machine's where some of them are no images that Seal reads. */
  readonly arch?: string;
}

/** One name of an image that was taken in. */
export interface LoadedImage {
  readonly reference: string;
  /** Digest of the manifest. */
  readonly digest: string;
}

/** An image of the archive with the names that the archive gives it. */
interface FoundImage {
  readonly digest: string;
  readonly references: readonly string[];
}

/** Takes in what `podman save`, `skopeo copy`, `docker save` or `sealctl save` wrote. Nothing of the archive is trusted; every digest is verified. */
export async function loadArchive(store: ImageStore, file: string, options: LoadOptions = {}): Promise<LoadedImage[]> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile())
    throw new Problem(
      'FILE_UNUSABLE',
      found ? `${file} is no regular file; expected an archive` : `there is no file ${file} to load`,
    );
  const session = await store.openSession('load');
  try {
    const files = await archiveFiles(file, session);
    const images = files.has('index.json')
      ? await loadOci(store, files, options)
      : files.has('manifest.json')
        ? await loadDocker(store, files, options)
        : undefined;
    if (!images || images.length === 0)
      throw new Problem('IMAGE_INVALID', `${file} has no image: it is neither an oci-archive nor a docker-archive`);
    return await nameImages(store, file, images, options);
  } finally {
    await session.close();
  }
}

async function nameImages(
  store: ImageStore,
  file: string,
  images: readonly FoundImage[],
  { reference }: LoadOptions,
): Promise<LoadedImage[]> {
  const [first, second] = images;
  if (reference !== undefined && second)
    throw new Problem('USAGE', `${file} has ${images.length} images; one name cannot be given to all of them`);
  const named = reference !== undefined && first ? [{ digest: first.digest, references: [reference] }] : images;
  const nameless = named.find(({ references }) => references.length === 0);
  if (nameless)
    throw new Problem('USAGE', `the image ${nameless.digest} in ${file} has no name`, {
      remedy: 'Give it one: "sealctl load -i FILE --name NAME:TAG".',
    });
  const loaded: LoadedImage[] = [];
  for (const { digest, references } of named) {
    for (const name of references) {
      const descriptor = await store.putReference(name, digest);
      loaded.push({ reference: descriptor.annotations?.[nameAnnotation] ?? name, digest });
    }
  }
  return loaded;
}

async function loadOci(store: ImageStore, files: ArchiveFiles, options: LoadOptions): Promise<FoundImage[]> {
  const index = parseIndex(await readSmall(files, 'index.json'), 'index.json of the archive');
  const images = new Map<string, Set<string>>();
  for (const top of index.manifests) {
    const { descriptor, blobs } = await chooseBlobs(files, top, options);
    for (const digest of blobs) await takeBlob(store, files, digest);
    const names = images.get(descriptor.digest) ?? new Set();
    const name = top.annotations?.['io.containerd.image.name'] ?? top.annotations?.[nameAnnotation];
    if (name !== undefined) names.add(name);
    images.set(descriptor.digest, names);
  }
  return [...images].map(([digest, names]) => ({ digest, references: [...names] }));
}

interface Chosen {
  readonly descriptor: Descriptor;
  readonly blobs: readonly string[];
}

/** A manifest as it is; of an index the image for `arch`, or without that the whole index where every part of it can be taken. */
async function chooseBlobs(files: ArchiveFiles, top: Descriptor, { arch }: LoadOptions): Promise<Chosen> {
  const bytes = await readSmall(files, blobName(top.digest));
  if (!isIndexJson(bytes)) return arch === undefined ? blobsOf(files, top) : refuseOther(files, await blobsOf(files, top), arch);
  const { manifests } = parseIndex(bytes, `index ${top.digest}`);
  // Builders put attestations beside the images, and `skopeo copy` may leave platforms out.
  const whole = manifests.every(({ platform, digest }) => platform?.os === 'linux' && files.has(blobName(digest)));
  if (arch !== undefined || !whole)
    return blobsOf(files, choosePlatform(manifests, arch ?? machineArch(), `the image in the archive`));
  const blobs = new Set([top.digest]);
  for (const descriptor of manifests) for (const digest of (await blobsOf(files, descriptor)).blobs) blobs.add(digest);
  return { descriptor: top, blobs: [...blobs] };
}

/** A plain image says in its config only what it is for. */
async function refuseOther(files: ArchiveFiles, chosen: Chosen, arch: string): Promise<Chosen> {
  const { config } = parseManifest(await readSmall(files, blobName(chosen.descriptor.digest)), 'a manifest of the archive');
  const { os, architecture } = parseConfig(await readSmall(files, blobName(config.digest)), `config ${config.digest}`);
  choosePlatform([{ platform: { os, architecture } }], arch, 'the image in the archive');
  return chosen;
}

async function blobsOf(files: ArchiveFiles, descriptor: Descriptor): Promise<Chosen> {
  const manifest = parseManifest(await readSmall(files, blobName(descriptor.digest)), `manifest ${descriptor.digest}`);
  return { descriptor, blobs: [descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest) };
}

async function takeBlob(store: ImageStore, files: ArchiveFiles, digest: string): Promise<void> {
  if (await store.hasBlob(digest)) return;
  const name = blobName(digest);
  const path = files.path(name);
  if (path === undefined) throw new Problem('IMAGE_INVALID', `the archive has no ${name}, which its manifest names`);
  files.forget(name);
  await store.adoptBlob(path, digest);
}

const dockerManifestSchema = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).max(maximumLayers),
    }),
  )
  .max(1000);

async function loadDocker(store: ImageStore, files: ArchiveFiles, { arch }: LoadOptions): Promise<FoundImage[]> {
  const parsed = dockerManifestSchema.safeParse(parseJsonText(await readSmall(files, 'manifest.json')));
  if (!parsed.success) throw new Problem('IMAGE_INVALID', `manifest.json of the archive is not that of a docker-archive`);
  const images: FoundImage[] = [];
  const there: { platform: { os: string; architecture: string } }[] = [];
  for (const { Config, RepoTags, Layers } of parsed.data) {
    const configBytes = await readSmall(files, Config);
    const config = parseConfig(configBytes, `config ${Config}`);
    const { os, architecture } = config;
    there.push({ platform: { os, architecture } });
    if (arch !== undefined && architecture !== arch) continue;
    if (config.rootfs.diff_ids.length !== Layers.length)
      throw new Problem('IMAGE_INVALID', `${Config} has ${config.rootfs.diff_ids.length} diff ids for ${Layers.length} layers`);
    const layers: Descriptor[] = [];
    for (const [index, name] of Layers.entries())
      layers.push(await takeDockerLayer(store, files, name, config.rootfs.diff_ids[index]));
    const configBlob = await store.writeBlob([configBytes]);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: configBlob.digest, size: configBlob.sizeBytes },
      layers,
    };
    const { digest } = await store.writeBlob([Buffer.from(canonicalJson(manifest))]);
    images.push({ digest, references: RepoTags ?? [] });
  }
  if (images.length === 0 && there.length > 0) choosePlatform(there, arch, 'the image in the archive');
  return images;
}

/** Compresses a layer anew, so that it has the digest that Seal gives to such content, and verifies its diff id on the way. */
async function takeDockerLayer(
  store: ImageStore,
  files: ArchiveFiles,
  name: string,
  diffId: string | undefined,
): Promise<Descriptor> {
  const path = files.path(name);
  if (path === undefined) throw new Problem('IMAGE_INVALID', `the archive has no ${name}, which its manifest.json names`);
  const compression = await fileCompression(path);
  if (compression === 'bzip2' || compression === 'xz')
    throw new Problem('IMAGE_INVALID', `layer ${name} is compressed by ${compression}; expected none, gzip or zstd`);
  const hash = createHash('sha256');
  // As a layer that is unpacked later: it would be refused then.
  const { maximumBytes, maximumRatio } = defaultLayerLimits;
  const mostBytes = Math.min(maximumBytes, Math.max(1024 ** 3, (await stat(path)).size * maximumRatio));
  let bytes = 0;
  const hashed = async function* () {
    for await (const chunk of decompress(createReadStream(path), compression) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new Problem('LAYER_TOO_LARGE', `layer ${name} unpacks to more than ${mostBytes} bytes`);
      hash.update(chunk);
      yield chunk;
    }
  };
  const { digest, sizeBytes } = await store.writeBlob(gzipBlocks(hashed()));
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== diffId)
    throw new Problem('LAYER_DIGEST_MISMATCH', `layer ${name} has the digest ${found}; its config says ${diffId}`, {
      details: { expected: diffId, found },
    });
  return { mediaType: mediaTypes.layerGzip, digest, size: sizeBytes };
}

async function readSmall(files: ArchiveFiles, name: string): Promise<Buffer> {
  const path = files.path(name);
  if (path === undefined) throw new Problem('IMAGE_INVALID', `the archive has no ${name}`);
  const { size } = await stat(path);
  if (size > maximumJsonBytes)
    throw new Problem('IMAGE_INVALID', `${name} of the archive has ${size} bytes (limit ${maximumJsonBytes})`);
  return readFile(path);
}

function parseJsonText(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new Problem('IMAGE_INVALID', `manifest.json of the archive is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function blobName(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}
