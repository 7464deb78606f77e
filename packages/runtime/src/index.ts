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
export { commandsPhase } from './commands-phase.ts';
export { containerRuntimeOf } from './container-runtime/container-runtime-of.ts';
export { prepareHosts, uninstallSteps } from './container-runtime/install.ts';
export { hostAliases, removeHostAliases } from './host-aliases.ts';
export { distributeImage, removeImage } from './image-steps.ts';
export { apiName, apiPort } from './kubernetes/facts.ts';
export { workersAtOnce } from './kubernetes/join.ts';
export { materialRefs, requiredMaterial } from './kubernetes/material.ts';
export { installRegistry } from './registry/install.ts';
export { registryOf } from './registry/registry-of.ts';
export type { ClusterRuntime } from './runtime.ts';
export { programEnv, scriptEnv } from './script-env.ts';
