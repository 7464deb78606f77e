import type { ClusterContext } from '../cluster-context.ts';
import { sealosScript } from '../sealos/sealos-scripts.ts';

export interface ClusterRegistry {
  readonly domain: string;
  readonly port: number;
  /** Only an image with scripts/init-registry.sh, or one whose label names another script, has a registry of its own; others import their images or pull from elsewhere. */
  readonly present: boolean;
}

/** The cluster's own registry, as the Clusterfile names it; else as images of sealos do, by ENV. */
export function registryOf({ cluster, image }: Pick<ClusterContext, 'cluster' | 'image'>): ClusterRegistry {
  const { domain, port } = cluster.registry ?? {
    domain: image.env.registryDomain ?? 'sea.hub',
    port: portOf(image.env.registryPort) ?? 5000,
  };
  return {
    domain,
    port,
    present: image.paths.includes('scripts/init-registry.sh') || sealosScript(image, 'init-registry') !== undefined,
  };
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return text !== undefined && Number.isInteger(port) && port >= 1 && port <= 65535 ? port : undefined;
}
