import { kubeVersionFits } from '@seal/cluster-image/kube-version';
import { Problem } from '@seal/foundation';
import type { ClusterNode, ImageFacts, SeenNode } from '@seal/runtime';

/** By which KUBEVERSION says what an image fits. */
const label = 'app.alpha.sealer.io/supported-kube-version';

export interface AppCheck {
  readonly cluster: string;
  /** Kubernetes version of the cluster. */
  readonly version: string;
  readonly nodes: readonly SeenNode[];
  /** Nodes to which the images go. */
  readonly on: readonly ClusterNode[];
}

/** Refuses apps and patches that do not fit a cluster. Problems: KUBE_VERSION_UNSUPPORTED naming both versions, IMAGE_ARCH_MISMATCH. */
export function checkAppImages(images: readonly ImageFacts[], { cluster, version, nodes, on }: AppCheck): void {
  for (const { reference, labels, arch } of images) {
    const constraint = labels[label];
    if (constraint !== undefined && kubeVersionFits(constraint, version) !== true)
      throw new Problem(
        'KUBE_VERSION_UNSUPPORTED',
        `image ${reference} is for Kubernetes "${constraint}", and cluster ${cluster} has ${version}`,
        { details: { image: reference, constraint, version } },
      );
    const other = nodes.find((seen) => seen.facts.arch !== arch && on.some((node) => node.id === seen.id));
    if (other)
      throw new Problem('IMAGE_ARCH_MISMATCH', `image ${reference} is for ${arch}, ${other.name} is ${other.facts.arch}`);
  }
}
