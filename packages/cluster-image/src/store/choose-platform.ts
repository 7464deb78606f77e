import { Problem } from '@seal/foundation';
import type { Descriptor } from './manifest.ts';

/**
 * The image for linux/`arch` among those of an index; without `arch` that for this machine, else the first. Throws IMAGE_ARCH_MISMATCH with
 * what is there.
 */
export function choosePlatform<T extends { readonly platform?: Descriptor['platform'] }>(
  images: readonly T[],
  arch: string | undefined,
  what: string,
): T {
  const fitting = (wanted: string) => images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === wanted);
  const chosen = arch === undefined ? (fitting(machineArch()) ?? images[0]) : fitting(arch);
  if (chosen) return chosen;
  const there = images.map(({ platform }) => `${platform?.os ?? 'unknown'}/${platform?.architecture ?? 'unknown'}`).join(', ');
  throw new Problem('IMAGE_ARCH_MISMATCH', `${what} is for ${there}; linux/${arch} was asked for`, { details: { arch } });
}

/** This machine's architecture in the words of OCI. */
export function machineArch(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
