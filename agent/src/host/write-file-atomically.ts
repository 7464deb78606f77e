import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';

/**
 * Puts a file in place in one go: written beside, synced, renamed. Missing parents are made (0755). A symbolic link at `path` is replaced.
 * Problems: NODE_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function writeFileAtomically(path: string, data: Uint8Array, mode: number): Promise<void> {
  const beside = `${path}.seal-${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(data);
      await handle.chmod(mode); // after the content: a secret is never readable by more than it should be
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Problem(code === 'ENOSPC' ? 'NODE_DISK_FULL' : 'FILE_WRITE_FAILED', `cannot write ${path}: ${message}`, {
      cause: error,
    });
  }
}
