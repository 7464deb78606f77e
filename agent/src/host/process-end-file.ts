import { readFile, stat, writeFile } from 'node:fs/promises';
import type { ProcessEnd } from '../runner/process-port.ts';

/**
 * The wrapper overwrites the beginning of this file, in one write and without truncating: the space is there since before the command began,
 * so that a full disk does not lose an exit code.
 */
export function resetEndFile(path: string): Promise<void> {
  return writeFile(path, `${' '.repeat(63)}\n`, { mode: 0o600 });
}

/**
 * What the wrapper wrote about the end of its command; undefined when it wrote nothing (yet). A failure is an interruption when the host was
 * stopping (`stopping`), or when its TERM (`term`) is of an earlier boot: at the end of a shutdown every process is sent one.
 */
export async function readEndFile(path: string, isThisBoot: boolean): Promise<ProcessEnd | undefined> {
  const text = await readOrNothing(path);
  if (text.startsWith('never-ran end')) return { type: 'never-ran' };
  const match = /^exit (\d+)( term| stopping)? end/.exec(text);
  if (!match) return undefined;
  if (match[2] === ' stopping' || (match[2] === ' term' && match[1] !== '0' && !isThisBoot)) return { type: 'interrupted' };
  const { mtimeMs } = await stat(path);
  return { type: 'exited', exitCode: Number(match[1]), at: Math.floor(mtimeMs) };
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
