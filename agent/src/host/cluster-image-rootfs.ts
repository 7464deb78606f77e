import { Problem } from '@seal/foundation';
import type { RootfsPort } from './rootfs-port.ts';

/** Loaded when it is first needed: an agent that waits for work does without its memory. */
const clusterImage = () => import('@seal/cluster-image');

/** A full disk is this node's here: no image of it can be removed, as the remedy of DISK_FULL advises. */
async function onNode<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'DISK_FULL')) throw error;
    throw new Problem('NODE_DISK_FULL', error.message, { details: error.details, cause: error });
  }
}

/** What @seal/cluster-image does with layers on a host. */
export const clusterImageRootfs: RootfsPort = {
  unpackLayer: async (source, target) => onNode((await clusterImage()).unpackLayer(source, target)),
  mount: async (options) => onNode((await clusterImage()).mountRootfs(options)),
  unmount: async (options) => (await clusterImage()).unmountRootfs(options),
  layOver: async (options) => onNode((await clusterImage()).layOver(options)),
  renderTemplates: async (rootfs, env, directories) => onNode((await clusterImage()).renderTemplates(rootfs, env, directories)),
};
