import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '@seal/foundation';

/**
 * Writes a secret text to a file that only its owner can read (0600 from its first byte), replacing what is there; missing
 * directories are made (0700). Problem: FILE_UNUSABLE.
 */
export async function writePrivate(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    throw new Problem('FILE_UNUSABLE', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
