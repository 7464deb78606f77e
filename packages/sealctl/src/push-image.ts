import { createReadStream } from 'node:fs';
import type { ImageStore, InspectedImage } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { uploadMeter } from './upload-meter.ts';

/**
 * Sees to it that the server has the image, and gives the name it has there: sends what the server lacks from the local store;
 * an image that is not here is looked for there. Problems: IMAGE_NOT_FOUND, BLOB_UPLOAD_FAILED, those of store and server.
 */
export async function pushImage(cli: Cli, client: SealClient, store: ImageStore, name: string): Promise<string> {
  const image = await store.inspect(name).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  });
  if (!image) return findOnServer(client, store, name);
  const reference = await nameOf(image, name);
  const { uploadBlobs } = await import('@seal/protocol');
  const meter = uploadMeter(cli, reference);
  try {
    const sent = await uploadBlobs(client, blobsOf(store, image, await store.blobSize(image.digest)), { onProgress: meter.show });
    meter.end(sent);
  } finally {
    meter.clear();
  }
  // Scanning the image's inventory takes the server a while.
  await client.images.putImage({ reference, manifestDigest: image.digest }, { timeoutSeconds: 300 });
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

async function findOnServer(client: SealClient, store: ImageStore, name: string): Promise<string> {
  const { parseReference } = await import('@seal/cluster-image');
  const { text } = parseReference(name);
  const { images } = await client.images.listImages({});
  if (images.some((image) => image.reference === text)) return text;
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

function blobsOf(store: ImageStore, image: InspectedImage, manifestBytes: number | undefined) {
  const { config, layers } = image.manifest;
  return [{ digest: image.digest, size: manifestBytes ?? 0 }, config, ...layers].map(({ digest, size }) => ({
    digest,
    sizeBytes: size,
    open: () => createReadStream(store.blobPath(digest), { highWaterMark: 256 * 1024 }),
  }));
}
