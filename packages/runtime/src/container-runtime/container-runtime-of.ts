import type { Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { ImageFacts } from '../cluster-facts.ts';

/** The label by which a ClusterImage says which container runtime it brings. */
const label = 'cluster.alpha.sealer.io/container-runtime-type';

/**
 * The container runtime of the cluster: what the image says by label or ENV, else what its scripts show, else containerd.
 * Problem: RUNTIME_UNSUPPORTED when the Clusterfile insists on another than the image brings.
 */
export function containerRuntimeOf(cluster: Cluster, image: ImageFacts): 'containerd' | 'docker' {
  const said = image.labels[label] ?? image.env.ContainerRuntime;
  // Images of sealos say it by nothing but the ENV that their scripts for docker need.
  const isDocker = image.paths.includes('scripts/docker.sh') || image.env.criDockerdData !== undefined;
  const shown = isDocker && !image.paths.includes('scripts/containerd.sh') ? 'docker' : 'containerd';
  const found = said ?? cluster.containerRuntime ?? shown;
  if (found !== 'containerd' && found !== 'docker')
    throw new Problem(
      'RUNTIME_UNSUPPORTED',
      `image ${image.reference} brings the container runtime "${found}"; this version knows containerd and docker`,
    );
  if (cluster.containerRuntime !== undefined && cluster.containerRuntime !== found)
    throw new Problem(
      'RUNTIME_UNSUPPORTED',
      `the Clusterfile asks for ${cluster.containerRuntime}, and image ${image.reference} brings ${found}`,
      {
        remedy: 'Remove containerRuntime from the Clusterfile, or take an image that brings that runtime.',
      },
    );
  return found;
}
