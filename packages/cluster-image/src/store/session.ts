import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, systemRandom } from '@seal/foundation';
import { type HeldLock, tryLock } from './lock-file.ts';

/** A working directory inside the store that lives as long as one piece of work (a build, an upload, a load). */
export interface StoreSession {
  readonly directory: string;
  /** A fresh path in it. */
  path(name: string): string;
  close(): Promise<void>;
}

/**
 * Opens `<store>/tmp/<id>/` with a lock beside it. A session whose process died leaves the directory without a held lock: `sweepSessions`
 * takes it away. Use only inside `tmp/`.
 */
export async function openSession(storeDirectory: string, purpose: string): Promise<StoreSession> {
  await mkdir(join(storeDirectory, 'tmp'), { recursive: true });
  const { directory, lockPath, lock } = takeNewDirectory(storeDirectory, purpose);
  await mkdir(directory, { mode: 0o700 });
  return {
    directory,
    path: (name) => join(directory, `${name}-${newId('f', systemRandom, 12)}`),
    close: async () => {
      await rm(directory, { recursive: true, force: true });
      await rm(lockPath, { force: true });
      lock.release();
    },
  };
}

/** A sweeper may look at a lock file in the moment between its making and its locking; then another name is taken. */
function takeNewDirectory(storeDirectory: string, purpose: string): { directory: string; lockPath: string; lock: HeldLock } {
  for (;;) {
    const directory = join(storeDirectory, 'tmp', newId(purpose, systemRandom, 12));
    const lockPath = `${directory}.lock`;
    const lock = tryLock(lockPath);
    if (lock) return { directory, lockPath, lock };
  }
}

/** Removes what sessions of dead processes left. Returns how many. */
export async function sweepSessions(storeDirectory: string): Promise<number> {
  let removed = 0;
  for (const name of await sessionNames(storeDirectory)) {
    const lockPath = join(storeDirectory, 'tmp', `${name}.lock`);
    const lock = tryLock(lockPath);
    if (!lock) continue;
    await rm(join(storeDirectory, 'tmp', name), { recursive: true, force: true });
    await rm(lockPath, { force: true });
    lock.release();
    removed += 1;
  }
  return removed;
}

/** When the oldest living session began, in milliseconds since the epoch; undefined when there is none. */
export async function oldestSessionStart(storeDirectory: string): Promise<number | undefined> {
  const starts: number[] = [];
  for (const name of await sessionNames(storeDirectory)) {
    const lockPath = join(storeDirectory, 'tmp', `${name}.lock`);
    const lock = tryLock(lockPath);
    if (lock) {
      lock.release();
      continue;
    }
    // The lock file is never written to, so its mtime is the beginning of the session.
    const found = await stat(lockPath).catch(ignoreMissing);
    if (found) starts.push(found.mtimeMs);
  }
  return starts.length > 0 ? Math.min(...starts) : undefined;
}

async function sessionNames(storeDirectory: string): Promise<string[]> {
  const names = (await readdir(join(storeDirectory, 'tmp')).catch(ignoreMissing)) ?? [];
  return [...new Set(names.map((name) => name.replace(/\.lock$/, '')))];
}

function ignoreMissing(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== 'ENOENT') throw thrown;
}
