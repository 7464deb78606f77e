import { Problem } from '@seal/foundation';
import { Option } from 'commander';

export type Arch = 'amd64' | 'arm64';

/** `--platform linux/ARCH` for commands that look at one image of several. */
export function platformOption(otherwise: string): Option {
  return new Option('--platform <platform>', `linux/amd64 or linux/arm64 (default: ${otherwise})`);
}

/** The architecture that `--platform` names. Problem: USAGE. */
export function readArch(platform: string): Arch;
export function readArch(platform: string | undefined): Arch | undefined;
export function readArch(platform: string | undefined): Arch | undefined {
  if (platform === undefined) return undefined;
  const arch = platform.trim().replace(/^linux\//, '');
  if (arch === 'amd64' || arch === 'arm64') return arch;
  throw new Problem('USAGE', `--platform "${platform}" is not supported; expected linux/amd64 or linux/arm64`);
}
