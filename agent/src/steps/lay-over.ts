import type { StepArgs } from '@seal/plan';
import type { LayerStore } from '../host/layer-store.ts';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import type { StepHandler } from './step-handler.ts';

/** Lays the files of layers over a rootfs, or takes them away, and renders its templates. Problems: those of `fetch-layers`, LAYER_HOSTILE, TEMPLATE_INVALID. */
export function layOver(layerStore: LayerStore, mounts: RootfsMounts): StepHandler<StepArgs['lay-over']> {
  return {
    place: 'agent',
    async perform({ rootfs, base, over, removed, env }, { signal, print }) {
      signal.throwIfAborted();
      // What lies below is looked at only to take something away.
      const below = removed.length > 0 ? base : [];
      for (const layer of [...below, ...over, ...removed]) await layerStore.ensure(layer, signal);
      const digests = (layers: typeof base) => layers.map(({ digest }) => digest);
      await mounts.layOver(rootfs, { base: digests(below), over: digests(over), removed: digests(removed) }, env);
      await print(`${rootfs}: ${over.length} layers over it${removed.length > 0 ? `, ${removed.length} taken away` : ''}`);
      return 'SUCCEEDED';
    },
  };
}
