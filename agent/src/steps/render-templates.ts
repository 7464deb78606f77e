import type { StepArgs } from '@seal/plan';
import type { RootfsMounts } from '../host/rootfs-mounts.ts';
import type { StepHandler } from './step-handler.ts';

/** Renders the templates below some directories of a rootfs. Problem: TEMPLATE_INVALID. */
export function renderTemplates(mounts: RootfsMounts): StepHandler<StepArgs['render-templates']> {
  return {
    place: 'agent',
    async perform({ rootfs, directories, env }, { signal, print }) {
      signal.throwIfAborted();
      const rendered = await mounts.renderTemplates(rootfs, directories, env);
      for (const path of rendered) await print(`${rootfs}/${path}`);
      return rendered.length > 0 ? 'SUCCEEDED' : 'SKIPPED';
    },
  };
}
