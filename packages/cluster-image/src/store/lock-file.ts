import { DatabaseSync } from 'node:sqlite';
import { Problem, sleep, systemClock } from '@seal/foundation';

/** A lock that is held; it goes with the process that holds it, whatever ends that process. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes the lock `path` if nobody has it. It is SQLite's own lock on an empty database file (fcntl on Linux), so the kernel drops it when
 * the holder dies: there is no stale lock to find out about, neither after a reboot nor across pid namespaces.
 */
export function tryLock(path: string): HeldLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written, so no journal is wanted beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (thrown) {
    database.close();
    if (isBusy(thrown)) return undefined;
    throw thrown;
  }
  return { release: () => database.close() };
}

/** Runs `work` while holding the lock; waits up to `timeoutSeconds` (60) for it, then TIMEOUT. */
export async function withLock<T>(path: string, work: () => Promise<T>, timeoutSeconds = 60): Promise<T> {
  const deadline = systemClock.now() + timeoutSeconds * 1000;
  let lock = tryLock(path);
  while (!lock) {
    if (systemClock.now() > deadline)
      throw new Problem('TIMEOUT', `the lock ${path} was held by another process for more than ${timeoutSeconds} s`);
    await sleep(systemClock, 20);
    lock = tryLock(path);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function isBusy(thrown: unknown): boolean {
  const busy = 5;
  const locked = 6;
  const code = (thrown as { errcode?: number }).errcode;
  return code === busy || code === locked;
}
