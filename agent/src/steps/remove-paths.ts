import { lstat, realpath, rm } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { Problem } from '@seal/foundation';
import type { StepArgs } from '@seal/plan';
import { mountPoints } from '../host/mount-points.ts';
import { checkRemovable } from './check-removable.ts';
import type { StepHandler } from './step-handler.ts';

/**
 * Removes files and whole directories. All paths are checked before the first is removed. A symbolic link is removed, not followed.
 * Problems: PATH_PROTECTED, FILE_WRITE_FAILED.
 */
export function removePaths(ownDirectories: readonly string[]): StepHandler<StepArgs['remove-paths']> {
  return {
    place: 'agent',
    async perform({ paths }, { signal, print }) {
      const surroundings = { mountPoints: await mountPoints(), ownDirectories };
      const targets: string[] = [];
      for (const path of paths) {
        const target = await resolveParents(path);
        checkRemovable(target ?? normalize(path).replace(/(.)\/$/, '$1'), surroundings);
        if (target !== undefined) targets.push(target);
        else await print(`${path} is not there`);
      }
      for (const target of targets) {
        signal.throwIfAborted();
        await remove(target);
        await print(`removed ${target}`);
      }
      return 'SUCCEEDED';
    },
  };
}

/** The path with symbolic links in its parents resolved; undefined when there is nothing. */
async function resolveParents(path: string): Promise<string | undefined> {
  const plain = normalize(path).replace(/(.)\/$/, '$1');
  if (plain === '/') return plain;
  try {
    const resolved = join(await realpath(dirname(plain)), basename(plain));
    await lstat(resolved);
    return resolved;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw new Problem('FILE_WRITE_FAILED', `cannot remove ${path}: ${(error as Error).message}`, { cause: error });
  }
}
