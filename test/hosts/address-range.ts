import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labsDirectory } from './lab-paths.ts';

/**
 * Takes a free /24 below 10.77.0.0/16 for a lab and returns its third number (0 to 255).
 * The addresses exist in the lab's own namespaces only; they are kept apart so that logs of two labs can be told apart.
 */
export function claimAddressRange(lab: string): number {
  mkdirSync(rangesDirectory(), { recursive: true });
  for (let range = 0; range <= 255; range++) {
    try {
      writeFileSync(join(rangesDirectory(), String(range)), lab, { flag: 'wx' });
      return range;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(
    `no free address range for lab "${lab}": 256 labs exist in ${labsDirectory()}; remove some with "node test/hosts/down-lab.ts NAME"`,
  );
}

/** Gives back every range that the lab holds. */
export function releaseAddressRanges(lab: string): void {
  const held = readdirOrEmpty(rangesDirectory()).filter((range) => readFileSync(join(rangesDirectory(), range), 'utf8') === lab);
  for (const range of held) rmSync(join(rangesDirectory(), range), { force: true });
  removeWhenEmpty(rangesDirectory());
  removeWhenEmpty(labsDirectory());
}

export function hostAddress(range: number, index: number): string {
  return `10.77.${range}.${10 + index}`;
}

/** The hub: the bridge's own address, and every host's default route. */
export function hubAddress(range: number): string {
  return `10.77.${range}.1`;
}

function rangesDirectory(): string {
  return join(labsDirectory(), '.ranges');
}

function readdirOrEmpty(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function removeWhenEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
