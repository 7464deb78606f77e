import { type ImageStore, readImageFacts } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { imageProto } from '@seal/protocol';
import type { ClusterRecords } from '../operation/cluster-records.ts';
import { type ApiContext, unary } from './guarded.ts';

export interface ImageServiceOptions extends ApiContext {
  readonly store: ImageStore;
  readonly records: ClusterRecords;
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
      await store.putReference(request.reference, request.manifestDigest);
      // Scans the layers once, now, so that planning does not wait for it.
      await readImageFacts(store, request.manifestDigest);
      return { image: imageOf(await store.inspect(request.reference)) };
    }),
    removeImage: unary<imageProto.RemoveImageRequest, imageProto.RemoveImageReply>(options, async (request) => {
      const { digest } = await store.resolve(request.reference);
      const users = options.records.list().filter((record) => record.imageDigest === digest);
      if (users.length > 0)
        throw new Problem(
          'IMAGE_IN_USE',
          `image ${request.reference} is that of cluster ${users.map((user) => user.name).join(', ')}`,
        );
      await store.remove(request.reference);
      return {};
    }),
  };
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
