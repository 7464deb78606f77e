import type { StepArgs } from '@seal/plan';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import type { StepHandler } from './step-handler.ts';

/** Makes a cluster's rootfs from layers that `fetch-layers` has brought, and renders its templates. */
export function mountRootfs(mounts: RootfsMounts): StepHandler<StepArgs['mount-rootfs']> {
  return {
    place: 'agent',
    async perform({ mountPoint, layers, env }, { signal, print }) {
      signal.throwIfAborted();
      await mounts.mount(
        mountPoint,
        layers.map(({ digest }) => digest),
        env,
      );
      await print(`${mountPoint}: rootfs of ${layers.length} layers`);
      return 'SUCCEEDED';
    },
  };
}
