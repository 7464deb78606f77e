/**
 * ClusterImages: references, Kubefiles, builds, the store that keeps images, and rootfs made of their layers.
 */
export { type BuildOptions, type BuildProgress, type BuiltImage, type BuiltPlatform, buildImage } from './build/build-image.ts';
export type { CollectOptions, ImagePuller } from './build/container-images/collect-images.ts';
export { isKubeVersionConstraint, kubeVersionFits } from './kubefile/kube-version.ts';
export type { Heredoc, Instruction, Kubefile, Position, Word } from './kubefile/kubefile.ts';
export { parseKubefile } from './kubefile/parse-kubefile.ts';
export { namedReference } from './reference/named-reference.ts';
export { type ImageReference, parseReference } from './reference/parse-reference.ts';
export {
  createImagePuller,
  type ImagePullerOptions,
  type RegistryImagePuller,
} from './registry-client/create-image-puller.ts';
export type { Credential } from './registry-client/credential.ts';
export type { BlobsUnderWay } from './registry-client/fetch-image.ts';
export { findCredential } from './registry-client/find-credential.ts';
export { forgetCredential } from './registry-client/keep-credential.ts';
export { type PulledImage, type PullOptions, pullImage } from './registry-client/pull-image.ts';
export { type PushedImage, type PushOptions, pushImage } from './registry-client/push-image.ts';
export { registryLogin } from './registry-client/registry-login.ts';
export type { RegistryOptions } from './registry-client/registry-options.ts';
export type { TransferProgress } from './registry-client/transfer-progress.ts';
export { type ImageFacts, readAllImageFacts, readImageFacts } from './rootfs/image-facts.ts';
export { type LayOverOptions, layOver } from './rootfs/lay-over.ts';
export { type MountRootfsOptions, mountRootfs, type RootfsKind } from './rootfs/mount-rootfs.ts';
export { readImageTexts } from './rootfs/read-image-texts.ts';
export { type ImageInventory, readInventory } from './rootfs/read-inventory.ts';
export type { LayerLimits, LayerSource } from './rootfs/read-layer.ts';
export { renderTemplate, renderTemplates } from './rootfs/render-templates.ts';
export { unmountRootfs } from './rootfs/unmount-rootfs.ts';
export { removePartialLayers, type UnpackOptions, type UnpackResult, unpackLayer } from './rootfs/unpack-layer.ts';
export type { BlobSize, WriteBlobOptions } from './store/blobs.ts';
export type { CheckFinding, CheckResult } from './store/check-store.ts';
export type { GarbageResult } from './store/collect-garbage.ts';
export { type ChangedPath, type DifferingPath, diffImages, type ImageDiff } from './store/diff-images.ts';
export { type ImageApp, type ImageExtension, type ImageKind, readExtension } from './store/image-extension.ts';
export {
  type ImageStore,
  type InspectedImage,
  openStore,
  type StoredImage,
  type StoreOptions,
} from './store/image-store.ts';
export type { LoadedImage, LoadOptions } from './store/load-archive.ts';
export type { Descriptor, ImageConfig, ImageIndex, Manifest } from './store/manifest.ts';
export { mediaTypes } from './store/media-types.ts';
export { type MergedImage, type MergeOptions, mergeImages } from './store/merge-images.ts';
export { type PruneOptions, type PruneResult, pruneStore } from './store/prune-store.ts';
export { repairStore } from './store/repair-store.ts';
export type { ArchiveFormat } from './store/save-archive.ts';
export type { StoreSession } from './store/session.ts';
