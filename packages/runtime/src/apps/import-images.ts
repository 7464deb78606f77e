import type { PhaseDraft, StepDraft } from '@seal/plan';
import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import type { ImageFacts } from '../cluster-facts.ts';
import { containerRuntimeOf } from '../container-runtime/container-runtime-of.ts';
import { removePlace } from '../image-steps.ts';
import { imagePlace } from '../images/arrange-images.ts';
import { pathsOf, shell } from '../kubernetes/commands.ts';
import { registryOf } from '../registry/registry-of.ts';
import { computedEnv } from '../script-env.ts';
import { imageRoot } from './app-env.ts';

/**
 * Container images that images of apps hold, imported into containerd on `nodes`, where the cluster has no registry to serve them. The image of the
 * app lies on such a node only meanwhile; a node that launches apps keeps it.
 */
export function importImages(
  context: ClusterContext,
  images: readonly ImageFacts[],
  nodes: readonly ClusterNode[],
  atOnce: number,
): PhaseDraft[] {
  const holding = images.filter((image) => image.paths.includes('registry/index.json'));
  const isServed = registryOf(context).present || containerRuntimeOf(context.cluster, context.image) !== 'containerd';
  if (isServed || holding.length === 0) return [];
  const steps = nodes.flatMap((node) => holding.flatMap((image) => importImage(context, image, node)));
  return [
    {
      name: 'import-images',
      title: `Bring the container images of ${holding.map((image) => image.reference).join(', ')} to the nodes`,
      parallelism: atOnce,
      steps,
    },
  ];
}

function importImage(context: ClusterContext, image: ImageFacts, node: ClusterNode): StepDraft[] {
  const { reference, layers } = image;
  const place = imagePlace(image);
  const root = imageRoot(context, place);
  const computed = computedEnv(context, node, pathsOf(context).rootfs);
  const env = { ...image.env, ...context.cluster.env, ...node.spec.env, ...computed };
  return [
    {
      title: `fetch ${layers.length} layers of ${reference}`,
      node: node.id,
      kind: 'fetch-layers',
      args: { image: reference, layers },
      effect: 'idempotent',
      timeoutSeconds: 3600,
    },
    {
      title: `${reference} at ${root}`,
      node: node.id,
      kind: 'mount-rootfs',
      args: { mountPoint: root, layers, env },
      effect: 'idempotent',
      timeoutSeconds: 1800,
    },
    shell(context, node, `import the container images of ${reference}`, importScript, {
      env: { REGISTRY: `${root}/registry` },
      timeoutSeconds: 1800,
    }),
    ...(node.id === context.apiNode.id ? [] : [removePlace(context, node, place)]),
  ];
}

/** What was collected lies as a registry keeps it; with other names for the blobs it is the OCI archive that containerd takes. */
const importScript = `set -eu
rename='s,^docker/registry/v2/blobs/sha256/../\\([0-9a-f]*\\)/data$,blobs/sha256/\\1,'
tar -C "$REGISTRY" --transform="$rename" -cf - oci-layout index.json docker/registry/v2/blobs | ctr -n k8s.io images import -`;
