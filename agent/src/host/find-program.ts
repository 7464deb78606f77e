import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { Problem } from '@seal/foundation';

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Absolute path of the program that `name` means in a process with this PATH and working directory.
 * Problem: COMMAND_NOT_FOUND, also for a file that is there but not executable.
 */
export async function findProgram(name: string, path: string, cwd: string): Promise<string> {
  const candidates = name.includes('/')
    ? [isAbsolute(name) ? name : resolve(cwd, name)]
    : path.split(':').map((directory) => resolve(cwd, directory || '.', name));
  for (const candidate of candidates) if (await isProgram(candidate)) return candidate;
  throw new Problem(
    'COMMAND_NOT_FOUND',
    `there is no executable program ${name} on this node (looked for ${candidates.join(', ')})`,
  );
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // whatever the reason, exec would fail the same way
  }
}
