import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newId, Problem, systemRandom } from '@seal/foundation';

/** Replaces a file as a whole: written beside, fsync, rename, fsync of the directory. A crash leaves the old or the new one. */
export async function writeFileDurably(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const beside = join(dirname(path), `.${newId('new', systemRandom, 12)}`);
  try {
    await withDiskFull(path, async () => {
      const file = await open(beside, 'wx', mode);
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await renameDurably(beside, path);
    });
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

/** rename(2) that is on disk when it returns. The file itself must have been synced before. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncPath(dirname(to));
}

/** fsync of a file or directory. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Runs `work`; "no space left" and "quota exceeded" become DISK_FULL that names `path`. */
export async function withDiskFull<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new Problem('DISK_FULL', `no space left while writing ${path} (${code})`, { details: { path }, cause: thrown });
    throw thrown;
  }
}
