import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labPaths } from '../hosts/lab-paths.ts';

export const labName = 'demo';

const marker = () => join(labPaths(labName).directory, 'complete');

/** True when a demo ran to its end and its hosts were not removed since. */
export function isComplete(): boolean {
  return existsSync(marker());
}

export function markComplete(): void {
  writeFileSync(marker(), '');
}
