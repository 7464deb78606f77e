import type { ImageFacts } from '../cluster-facts.ts';

/** Scripts that labels of sealos' images name, by what they are for. */
export const sealosLabels = [
  'check',
  'init-registry',
  'init-cri',
  'init',
  'auth',
  'clean',
  'clean-cri',
  'clean-registry',
] as const;
export type SealosLabel = (typeof sealosLabels)[number];

/** True for an image that is run the way of sealos: its labels name its scripts. */
export function isSealosImage(image: ImageFacts): boolean {
  return sealosLabels.some((label) => image.labels[label] !== undefined) || image.labels['sealos.io.version'] !== undefined;
}

/**
 * The command line for one of the scripts, as it stands behind `bash` in scripts/ of the rootfs: the label's value, such as
 * "init-registry.sh $registryData $registryConfig", else the script of the same name where the image has one. Undefined: there is none.
 */
export function sealosScript(image: ImageFacts, label: SealosLabel): string | undefined {
  if (!isSealosImage(image)) return undefined;
  const line = image.labels[label]?.trim();
  if (line) return line;
  return label !== 'init-cri' && image.paths.includes(`scripts/${label}.sh`) ? `${label}.sh` : undefined;
}

/** Scripts that labels name and the image does not have, as paths of its rootfs. */
export function missingSealosScripts(image: ImageFacts): string[] {
  const named = sealosLabels.flatMap((label) => sealosScript(image, label) ?? []);
  const paths = named.map((line) => `scripts/${line.split(/\s/)[0]!.replace(/^\.\//, '')}`);
  return [...new Set(paths)].filter((path) => !/["'$`\\]/.test(path) && !image.paths.includes(path));
}
