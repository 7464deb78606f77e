import { mountRootfs, renderTemplates, unmountRootfs } from '@seal/cluster-image';
import type { RootfsPort } from './rootfs-port.ts';

/** Rootfs by overlayfs, else by copying. */
export const clusterImageRootfs: RootfsPort = { mount: mountRootfs, unmount: unmountRootfs, renderTemplates };
