import type { BuildState } from '../build-state.ts';

/** A Helm chart of the rootfs. */
export interface Chart {
  /** Folder with a Chart.yaml, or a packed chart (`.tgz`). */
  readonly path: string;
  readonly isPacked: boolean;
  /** The app whose folder it is. */
  readonly app?: string;
}

/** The charts in `charts/` and in the folders of apps; one that lies in another belongs to that. */
export function chartsOf(state: BuildState): Chart[] {
  const charts: Chart[] = [];
  for (const path of state.tree.leafPaths()) {
    const found =
      /^((?:charts|application\/apps)\/.+)\/Chart\.yaml$/.exec(path)?.[1] ??
      /^(?:charts|application\/apps)\/.+\.tgz$/.exec(path)?.[0];
    if (found === undefined) continue;
    const app = /^application\/apps\/([^/]+)/.exec(found)?.[1];
    charts.push({ path: found, isPacked: found === path, ...(app === undefined ? {} : { app }) });
  }
  return charts.filter(({ path }) => !charts.some((other) => !other.isPacked && path.startsWith(`${other.path}/`)));
}
