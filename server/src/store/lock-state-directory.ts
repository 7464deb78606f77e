import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '@seal/foundation';

/**
 * Keeps every other server out of a state directory for as long as this process lives; the result lets go of it.
 *
 * The lock is SQLite's own on a file beside the database: the kernel drops it when the process ends in whatever way, so nothing stale
 * can be left. Who holds it is written beside it, for the message only.
 *
 * Problems: STATE_LOCKED naming process and host of the other server, STORE_FAILED (the files of the lock cannot be made).
 */
export function lockStateDirectory(directory: string): () => void {
  const holderFile = join(directory, 'lock.json');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, 'lock'));
    database.exec('PRAGMA busy_timeout=0; BEGIN EXCLUSIVE');
    const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(holderFile, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: unknown }).errcode === busy)
      throw new Problem('STATE_LOCKED', `${directory} is in use by ${holderOf(holderFile)}`, { cause });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Problem('STORE_FAILED', `${directory} cannot be locked: ${why}`, { cause });
  }
  return () => database.close();
}

/** SQLITE_BUSY */
const busy = 5;

function holderOf(file: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    return `the seal-server with process id ${pid} on ${host}, started ${since}`;
  } catch {
    // It is just starting, and has not said who it is.
    return 'another seal-server';
  }
}
