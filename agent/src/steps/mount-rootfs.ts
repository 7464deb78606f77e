import type { StepArgs } from '@seal/plan';
import type { LayerStore } from '../host/layer-store.ts';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import type { StepHandler } from './step-handler.ts';

/** Makes a cluster's rootfs from layers that `fetch-layers` has brought, and renders its templates. Problems: those of `fetch-layers` and mounting. */
export function mountRootfs(layerStore: LayerStore, mounts: RootfsMounts): StepHandler<StepArgs['mount-rootfs']> {
  return {
    place: 'agent',
    async perform({ mountPoint, layers, env }, { signal, print }) {
      signal.throwIfAborted();
      // They are there, but for those that the agent's next life found unused, or that somebody removed.
      for (const layer of layers) await layerStore.ensure(layer, signal);
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
