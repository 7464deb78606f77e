import type { ImageStore } from '../store/image-store.ts';
import type { Manifest } from '../store/manifest.ts';
import { layerIndex } from './layer-index.ts';
import { RootfsTree } from './rootfs-tree.ts';

/** What a planner may know of a rootfs without unpacking it. */
export interface ImageInventory {
  /** Every regular file and link of the final rootfs, relative, sorted: "scripts/init-kube.sh". */
  readonly paths: readonly string[];
  /** Text of Metadata, etc/kubeadm.yml, etc/k0s.yaml, etc/k3s.yaml and etc/Clusterfile, those that are there and below 256 KiB. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads the headers of an image's layers, each once: what is found is kept in the store by layer digest, so images that share layers
 * share the work. Throws LAYER_HOSTILE for what unpackLayer would refuse too, LAYER_DIGEST_MISMATCH, LAYER_CORRUPT, LAYER_TOO_LARGE.
 */
export async function readInventory(store: ImageStore, manifest: Manifest): Promise<ImageInventory> {
  const tree = new RootfsTree();
  for (const { digest, mediaType } of manifest.layers) tree.apply(await layerIndex(store, { digest, mediaType }));
  return { paths: tree.leafPaths(), files: tree.texts() };
}
