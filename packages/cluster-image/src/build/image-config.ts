import type { BuildState } from './build-state.ts';

/** The config of an image, as OCI has it; `Cmd` holds one shell line per element, as sealer does. */
export function imageConfig(state: BuildState, epochSeconds: number): object {
  return {
    created: new Date(epochSeconds * 1000).toISOString(),
    ...(state.author === undefined ? {} : { author: state.author }),
    architecture: state.arch,
    os: 'linux',
    config: {
      ...(state.env.size > 0 ? { Env: [...state.env].map(([name, value]) => `${name}=${value}`) } : {}),
      ...(state.cmds.length > 0 ? { Cmd: state.cmds } : {}),
      ...(state.labels.size > 0 ? { Labels: Object.fromEntries(state.labels) } : {}),
    },
    rootfs: { type: 'layers', diff_ids: state.layers.map(({ diffId }) => diffId) },
    history: state.history,
  };
}
