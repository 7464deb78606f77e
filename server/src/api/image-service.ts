import { type ImageStore, parseReference, pruneStore, readAllImageFacts } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import { imageProto } from '@seal/protocol';
import type { ClusterRecord } from '@seal/runtime';
import type { ServerPulls } from '../image/server-pulls.ts';
import type { ClusterRecords } from '../operation/cluster-records.ts';
import { type ApiContext, serverStream, unary } from './guarded.ts';

export interface ImageServiceOptions extends ApiContext {
  readonly store: ImageStore;
  readonly records: ClusterRecords;
  readonly pulls: ServerPulls;
  /** Architectures of the enrolled nodes, else of the server: what a pull brings of an index where the caller does not say. */
  readonly archs: () => readonly string[];
}

const runtimeLabel = 'cluster.alpha.sealer.io/cluster-runtime-type';
const versionLabel = 'cluster.alpha.sealer.io/cluster-runtime-version';

/** ClusterImages in the server's own store: names and manifests; their blobs move over HTTPS. */
export function imageService(options: ImageServiceOptions): imageProto.ImageServiceServer {
  const { store } = options;
  return {
    listImages: unary<imageProto.ListImagesRequest, imageProto.ListImagesReply>(options, async () => ({
      images: (await store.list()).map(imageOf),
    })),
    findMissingBlobs: unary<imageProto.FindMissingBlobsRequest, imageProto.FindMissingBlobsReply>(options, async (request) => {
      const missing: string[] = [];
      for (const digest of request.digests) if (!(await store.hasBlob(digest))) missing.push(digest);
      return { missing };
    }),
    putImage: unary<imageProto.PutImageRequest, imageProto.PutImageReply>(options, async (request) => {
      await putImage(store, request);
      return { image: await imageNamed(store, request.reference) };
    }),
    pullImage: serverStream<imageProto.PullImageRequest, imageProto.PullImageReply>(options, async (request, send, gone) => {
      const onReply = (reply: imageProto.PullImageReply) => void send(reply);
      const { reference, ...pulled } = await options.pulls.pull({ request, archs: options.archs(), signal: gone, onReply });
      const image = await imageNamed(store, reference);
      await send(imageProto.PullImageReply.fromPartial({ pulled: { ...pulled, image } }));
    }),
    removeImage: unary<imageProto.RemoveImageRequest, imageProto.RemoveImageReply>(options, async (request) => {
      await refuseUsed(options, request.reference);
      await store.remove(request.reference);
      return {};
    }),
    pruneImages: unary<imageProto.PruneImagesRequest, imageProto.PruneImagesReply>(options, async (request) => {
      const { dryRun, addedBeforeMs } = request;
      const used = new Set(options.records.list().flatMap(digestsOf));
      const wanted = { dryRun, used, ...(addedBeforeMs > 0 ? { addedBeforeMs } : {}) };
      const { images, cacheRecords: _noBuilds, ...pruned } = await pruneStore(store, wanted);
      return imageProto.PruneImagesReply.fromPartial({ ...pruned, images: [...images] });
    }),
  };
}

/** Names what was sent. Its layers are scanned first, so that planning does not wait for it and a hostile image gets no name. */
async function putImage(store: ImageStore, { reference, manifestDigest }: imageProto.PutImageRequest): Promise<void> {
  const session = await store.openSession('put');
  try {
    await store.requireComplete(manifestDigest);
    await readAllImageFacts(store, manifestDigest);
    await store.putReference(reference, manifestDigest);
  } finally {
    await session.close();
  }
}

/** A cluster remembers the manifest that it runs from, which may be one of an index. Problem: IMAGE_IN_USE. */
async function refuseUsed({ store, records }: ImageServiceOptions, reference: string): Promise<void> {
  const { digest, manifests } = await store.parts(reference);
  const digests = new Set([digest, ...manifests.map(({ descriptor }) => descriptor.digest)]);
  const users = records.list().filter((record) => digestsOf(record).some((used) => digests.has(used)));
  if (users.length > 0)
    throw new Problem('IMAGE_IN_USE', `image ${reference} is that of cluster ${users.map((user) => user.name).join(', ')}`);
}

/** The manifests that a cluster and its apps come from. */
function digestsOf({ imageDigest, apps = [] }: ClusterRecord): string[] {
  return [imageDigest, ...apps.map((app) => app.imageDigest)];
}

async function imageNamed(store: ImageStore, name: string): Promise<imageProto.Image> {
  const { text } = parseReference(name);
  const image = (await store.list()).find(({ reference }) => reference === text);
  if (!image) throw new Problem('IMAGE_NOT_FOUND', `image ${text} was removed again`);
  return imageOf(image);
}

function imageOf(image: Awaited<ReturnType<ImageStore['list']>>[number]): imageProto.Image {
  return {
    reference: image.reference ?? '',
    digest: image.digest,
    arch: image.arch,
    sizeBytes: image.sizeBytes,
    createdAtMs: image.addedAtMs,
    runtime: image.labels[runtimeLabel] ?? '',
    runtimeVersion: image.labels[versionLabel] ?? '',
  };
}
