import type { ImageFacts } from '../cluster-facts.ts';

/**
 * The image that a rootfs with patches over it is: files, labels and ENV of the patches stand over those of the image, the last patch on top. Its
 * reference, digest, apps and commands stay those of the image. Files that a patch removes still count as there.
 */
export function withPatches(image: ImageFacts, patches: readonly ImageFacts[]): ImageFacts {
  if (patches.length === 0) return image;
  const merged = <T>(part: (facts: ImageFacts) => Readonly<Record<string, T>>) =>
    Object.assign({}, ...[image, ...patches].map(part)) as Record<string, T>;
  return {
    ...image,
    over: patches.flatMap((patch) => patch.layers),
    env: merged(({ env }) => env),
    labels: { ...merged(({ labels }) => withoutKind(labels)), ...kindOf(image.labels) },
    files: merged(({ files }) => files),
    paths: [...new Set([image, ...patches].flatMap(({ paths }) => paths))].sort(),
  };
}

/** What an image is, and which cluster it makes: of a patch these are its own matter. */
const ownLabels =
  /^(sealos\.io\.(type|version|distribution)|apps\.sealos\.io\/type|version|distribution|image|cluster\.alpha\.sealer\.io\/cluster-runtime-.*)$/;

function withoutKind(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !ownLabels.test(name)));
}

function kindOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => ownLabels.test(name)));
}
