import type { ClusterContext } from '../cluster-context.ts';

export interface ClusterRegistry {
  readonly domain: string;
  readonly port: number;
  /** Only an image with scripts/init-registry.sh has a registry of its own; others import their images or pull from elsewhere. */
  readonly present: boolean;
}

/** The cluster's own registry, as the Clusterfile names it. */
export function registryOf({ cluster, image }: Pick<ClusterContext, 'cluster' | 'image'>): ClusterRegistry {
  const { domain, port } = cluster.registry ?? { domain: 'sea.hub', port: 5000 };
  return { domain, port, present: image.paths.includes('scripts/init-registry.sh') };
}
