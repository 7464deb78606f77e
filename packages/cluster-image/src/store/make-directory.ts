import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';

/**
 * Makes a directory and those above it. Throws FILE_UNUSABLE where that cannot be.
 *
 * WHY not `recursive`: below /proc, Node's own never ends.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    if (await isMade(path)) return;
    await makeDirectory(dirname(path));
    await isMade(path, true);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw cause;
    throw new Problem('FILE_UNUSABLE', `the directory ${path} cannot be made: ${(cause as Error).message}`, { cause });
  }
}

/** False when the directory above is missing, unless it must be there. */
async function isMade(path: string, parentIsThere = false): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !parentIsThere) return false;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return true;
    throw thrown;
  }
}
