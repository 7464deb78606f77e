import { createReadStream } from 'node:fs';
import type { ImageStore, InspectedImage } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { pullOnServer } from './pull-on-server.ts';
import { uploadMeter } from './upload-meter.ts';

/**
 * Sees to it that the server has the image, and gives the name it has there: sends what the server lacks from the local store, an index
 * with every platform; an image that is not here is looked for there; one that is not there either and has the name of a registry is
 * pulled by the server. Problems: IMAGE_NOT_FOUND, BLOB_UPLOAD_FAILED, those of store, server and registry.
 */
export async function pushImage(cli: Cli, client: SealClient, store: ImageStore, name: string): Promise<string> {
  const image = await store.inspect(name).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  });
  return image ? sendImage(cli, client, store, image, name) : findOnServer(cli, client, store, name);
}

/** Sends one image of the local store to the server: all of an index, or with `arch` that platform alone. */
export async function sendToServer(
  cli: Cli,
  client: SealClient,
  store: ImageStore,
  name: string,
  arch?: string,
): Promise<string> {
  return sendImage(cli, client, store, await store.inspect(name, arch), name, arch);
}

async function sendImage(
  cli: Cli,
  client: SealClient,
  store: ImageStore,
  image: InspectedImage,
  name: string,
  arch?: string,
): Promise<string> {
  const reference = await nameOf(image, name);
  const { uploadBlobs } = await import('@seal/protocol');
  const digest = arch === undefined ? (image.indexDigest ?? image.digest) : image.digest;
  const meter = uploadMeter(cli, reference);
  try {
    const sent = await uploadBlobs(client, await blobsOf(store, digest), { onProgress: meter.show });
    meter.end(sent);
  } finally {
    meter.clear();
  }
  // Scanning the image's inventory takes the server a while.
  await client.images.putImage({ reference, manifestDigest: digest }, { timeoutSeconds: 1800 });
  return reference;
}

async function nameOf(image: InspectedImage, name: string): Promise<string> {
  const { parseReference } = await import('@seal/cluster-image');
  const written = /^(sha256:)?[0-9a-f]{6,64}$/.test(name) ? undefined : parseReference(name).text;
  const reference = image.references.find((candidate) => candidate === written) ?? image.references[0];
  if (reference === undefined)
    throw new Problem('IMAGE_REFERENCE_INVALID', `image ${image.digest} has no name, so the server cannot be told it`, {
      remedy: `Name it first: "sealctl tag ${image.digest.slice(7, 19)} NAME:TAG".`,
    });
  return reference;
}

async function findOnServer(cli: Cli, client: SealClient, store: ImageStore, name: string): Promise<string> {
  const { parseReference } = await import('@seal/cluster-image');
  const { text, registry } = parseReference(name);
  const { images } = await client.images.listImages({});
  if (images.some((image) => image.reference === text)) return text;
  if (registry !== 'localhost') {
    cli.note(`${text} is neither here nor on the server; the server pulls it from ${registry}`);
    const { image } = await pullOnServer(cli, client, { reference: text, flags: {} }).catch((error: unknown) => {
      throw withPullFlags(error, text);
    });
    return image?.reference ?? text;
  }
  const there = images.length === 0 ? 'none' : images.map((image) => image.reference).join(', ');
  throw new Problem(
    'IMAGE_NOT_FOUND',
    `no image "${text}", neither in ${store.directory} nor on the server (which has: ${there})`,
    {
      remedy:
        'Build it ("sealctl build -t NAME CONTEXT"), load it ("sealctl load -i FILE"), or see "sealctl images" and "sealctl images --remote".',
      details: { image: text },
    },
  );
}

async function blobsOf(store: ImageStore, digest: string) {
  const platforms = await store.inspectPlatforms(digest);
  const blobs = platforms.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]);
  const sizes = new Map(blobs.map((blob) => [blob.digest, blob.size]));
  for (const manifest of [digest, ...platforms.map((platform) => platform.digest)])
    sizes.set(manifest, (await store.blobSize(manifest)) ?? 0);
  return [...sizes].map(([each, sizeBytes]) => ({
    digest: each,
    sizeBytes,
    open: () => createReadStream(store.blobPath(each), { highWaterMark: 256 * 1024 }),
  }));
}

/** The verbs that run an image have no flags for registries. */
function withPullFlags(error: unknown, reference: string): unknown {
  if (!(error instanceof Problem) || !error.code.startsWith('REGISTRY_')) return error;
  const { code, message, remedy, details } = error;
  const how = `Flags for registries (--insecure, --ca) are those of "sealctl pull ${reference} --remote"; then run it.`;
  return new Problem(code, message, { remedy: `${remedy} ${how}`, details, cause: error });
}
