import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Bytes of a server's state database, with everything of its write-ahead log moved into it. */
export function stateSize(stateDirectory: string): number {
  const path = join(stateDirectory, 'state.db');
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout=5000; PRAGMA wal_checkpoint(TRUNCATE);');
  } finally {
    database.close();
  }
  return statSync(path).size;
}
