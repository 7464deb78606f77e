export { imageRoot } from './apps/app-env.ts';
export { appRecords, recordedUnit } from './apps/app-records.ts';
export { type AppUnit, appUnits } from './apps/app-units.ts';
export { appsPhases, patchCommands, unrecorded } from './apps/apps-phases.ts';
export { importImages } from './apps/import-images.ts';
export { placeImage } from './apps/place-image.ts';
export { undoing, uninstallUnit } from './apps/uninstall-unit.ts';
export { chooseRuntime } from './choose-runtime.ts';
export { type ClusterContext, type ClusterNode, masters, workers } from './cluster-context.ts';
export type {
  AppRecord,
  ClusterFacts,
  ClusterRecord,
  ImageFacts,
  LaidFile,
  MaterialSpec,
  MemberRecord,
  PublicMaterial,
  SeenNode,
} from './cluster-facts.ts';
export { type ClusterPaths, clusterPaths } from './cluster-paths.ts';
export { containerRuntimeOf } from './container-runtime/container-runtime-of.ts';
export { prepareHosts, uninstallSteps } from './container-runtime/install.ts';
export { hostAliases, removeHostAliases } from './host-aliases.ts';
export { distributeImage, laidFiles, patchRootfs, removeImage, removePlace } from './image-steps.ts';
export { type ArrangedImages, arrangeImages, imageName, imagePlace } from './images/arrange-images.ts';
export { type LaidText, layConfigs, placesOfConfigs } from './images/lay-configs.ts';
export { withPatches } from './images/with-patches.ts';
export { apiName, apiPort } from './kubernetes/facts.ts';
export { workersAtOnce } from './kubernetes/join.ts';
export { materialRefs, requiredMaterial } from './kubernetes/material.ts';
export { installRegistry } from './registry/install.ts';
export { registryOf } from './registry/registry-of.ts';
export type { ClusterRuntime } from './runtime.ts';
export { programEnv, scriptEnv } from './script-env.ts';
export { isSealosImage, missingSealosScripts } from './sealos/sealos-scripts.ts';
