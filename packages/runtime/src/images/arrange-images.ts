import { Problem } from '@seal/foundation';
import type { ImageFacts } from '../cluster-facts.ts';

/** Images of one command by what they are for, each group in the order in which it was named. */
export interface ArrangedImages {
  /** The one that makes the cluster. Absent: the others are for a cluster that exists. */
  readonly rootfs?: ImageFacts;
  readonly patches: readonly ImageFacts[];
  readonly apps: readonly ImageFacts[];
}

/**
 * Sorts images by their kinds, so that the rootfs comes first whatever the order said. An image that is named twice counts once.
 * Problem: IMAGES_CONTRADICTORY (two images that make a cluster, two patches or apps of one name).
 */
export function arrangeImages(images: readonly ImageFacts[]): ArrangedImages {
  const unique = [...new Map(images.map((image) => [image.digest, image])).values()];
  const ofKind = (kind: ImageFacts['kind']) => unique.filter((image) => (image.kind ?? 'kube-installer') === kind);
  const [rootfs, second] = ofKind('kube-installer');
  if (rootfs && second)
    throw new Problem(
      'IMAGES_CONTRADICTORY',
      `${rootfs.reference} and ${second.reference} both make a cluster, and a cluster is made from one`,
      { remedy: 'Name one of them, and of the others those that are apps or patches ("sealctl inspect IMAGE" tells the kind).' },
    );
  const [patches, apps] = [ofKind('patch'), ofKind('app-installer')];
  refuseSameNames([...patches, ...apps]);
  return { ...(rootfs ? { rootfs } : {}), patches, apps };
}

/** The name of an image within a cluster: the last part of its repository, "helm" of "docker.io/labring/helm:v3.8.2". */
export function imageName(reference: string): string {
  const withoutDigest = reference.replace(/@.*$/, '');
  const last = withoutDigest.split('/').at(-1)!.replace(/:.*$/, '');
  return last.toLowerCase().replace(/[^a-z0-9.-]+/g, '-') || 'image';
}

/** Name of the directory of an image of apps: another version of it gets another one. */
export function imagePlace({ reference, digest }: ImageFacts): string {
  return `${imageName(reference)}-${digest.replace('sha256:', '').slice(0, 12)}`;
}

function refuseSameNames(images: readonly ImageFacts[]): void {
  const names = new Map<string, string>();
  for (const { reference } of images) {
    const name = imageName(reference);
    const other = names.get(name);
    if (other !== undefined)
      throw new Problem('IMAGES_CONTRADICTORY', `${other} and ${reference} both have the name ${name} in a cluster`, {
        remedy: 'Run them one after the other, or tag one of them with another name.',
      });
    names.set(name, reference);
  }
}
