import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@seal/foundation';
import type { ImageStore } from '../store/image-store.ts';
import { tryLock } from '../store/lock-file.ts';
import type { StoreSession } from '../store/session.ts';

/** Beginnings of blobs that nobody came back for are removed after a week. */
const keptMilliseconds = 7 * 24 * 3600 * 1000;

/**
 * Runs `work` with the file in which a blob is gathered. It stays when `work` fails, so that a later pull goes on with it; where another
 * process gathers the same blob, the file is one of the session instead.
 */
export async function withDownloadPlace<T>(
  store: ImageStore,
  session: StoreSession,
  digest: string,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const directory = join(store.directory, 'downloads');
  await mkdir(directory, { recursive: true });
  const hex = digest.slice('sha256:'.length);
  const lockPath = join(directory, `${hex}.lock`);
  const lock = tryLock(lockPath);
  if (!lock) return work(session.path(`blob-${hex.slice(0, 12)}`));
  try {
    return await work(join(directory, hex));
  } finally {
    await rm(lockPath, { force: true });
    lock.release();
  }
}

/** Removes beginnings that nobody has touched for a week. */
export async function sweepDownloads(store: ImageStore): Promise<void> {
  const directory = join(store.directory, 'downloads');
  const names = await readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
  for (const name of names) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < systemClock.now() - keptMilliseconds) await rm(path, { force: true });
  }
}
