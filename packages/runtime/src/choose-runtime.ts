import { Problem } from '@seal/foundation';
import type { ImageFacts } from './cluster-facts.ts';
import { readMetadata } from './kubernetes/facts.ts';
import { kubernetesRuntime } from './kubernetes/kubernetes-runtime.ts';
import type { ClusterRuntime } from './runtime.ts';

const label = 'cluster.alpha.sealer.io/cluster-runtime-type';

/**
 * The cluster runtime of `image`: its label, else ClusterRuntime of its file Metadata, else kubernetes.
 *
 * Problems: RUNTIME_CONTRADICTION (label and Metadata differ), RUNTIME_UNSUPPORTED (k0s, k3s, unknown, an image that makes no cluster),
 * IMAGE_VERSION_UNKNOWN, IMAGE_FILE_INVALID.
 */
export function chooseRuntime(image: ImageFacts): ClusterRuntime {
  if (image.kind !== undefined && image.kind !== 'kube-installer')
    throw new Problem(
      'RUNTIME_UNSUPPORTED',
      `image ${image.reference} is of the kind "${image.kind}" and makes no cluster; an image of the kind kube-installer does`,
    );
  const byLabel = image.labels[label] ?? image.labels.distribution ?? image.labels['sealos.io.distribution'];
  const byMetadata = readMetadata(image).ClusterRuntime;
  if (byLabel && byMetadata && byLabel !== byMetadata)
    throw new Problem(
      'RUNTIME_CONTRADICTION',
      `image ${image.reference} says cluster runtime "${byLabel}" by label and "${byMetadata}" in its file Metadata`,
    );
  const name = byLabel || byMetadata || 'kubernetes';
  if (name !== 'kubernetes')
    throw new Problem(
      'RUNTIME_UNSUPPORTED',
      `image ${image.reference} is for the cluster runtime "${name}"; this version installs kubernetes only`,
    );
  return kubernetesRuntime(image);
}
