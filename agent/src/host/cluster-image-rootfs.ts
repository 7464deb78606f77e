import type { RootfsPort } from './rootfs-port.ts';

/** Loaded when it is first needed: an agent that waits for work does without its memory. */
const clusterImage = () => import('@seal/cluster-image');

/** What @seal/cluster-image does with layers on a host. */
export const clusterImageRootfs: RootfsPort = {
  unpackLayer: async (source, target) => (await clusterImage()).unpackLayer(source, target),
  mount: async (options) => (await clusterImage()).mountRootfs(options),
  unmount: async (options) => (await clusterImage()).unmountRootfs(options),
  renderTemplates: async (rootfs, env) => (await clusterImage()).renderTemplates(rootfs, env),
};
