import type { StepArgs } from '@seal/plan';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import type { StepHandler } from './step-handler.ts';

/** Takes a cluster's rootfs away. */
export function unmountRootfs(mounts: RootfsMounts): StepHandler<StepArgs['unmount-rootfs']> {
  return {
    place: 'agent',
    async perform({ mountPoint }, { signal, print }) {
      signal.throwIfAborted();
      await mounts.unmount(mountPoint);
      await print(`${mountPoint}: no rootfs`);
      return 'SUCCEEDED';
    },
  };
}
