import type { DatabaseSync } from 'node:sqlite';

export interface OutputRetention {
  /** Output of this many newest operations is kept, … */
  readonly operations: number;
  /** … of those begun at or after this time, ms since the epoch. */
  readonly since: number;
}

/**
 * Removes the stored output of operations that have ended and are too many or too old, and gives the space back to the disk. Their plans and
 * events stay. Returns how many operations lost output. To be called before anything is served.
 */
export function pruneOutputs(database: DatabaseSync, { operations, since }: OutputRetention): number {
  const found = database
    .prepare(
      `SELECT id FROM operations WHERE (created_at < ? OR id NOT IN (SELECT id FROM operations ORDER BY created_at DESC, rowid DESC LIMIT ?))
         AND coalesce((SELECT finished FROM events WHERE operation = id ORDER BY seq DESC LIMIT 1), 0) = 1
         AND EXISTS (SELECT 1 FROM outputs WHERE operation = id)`,
    )
    .all(since, operations);
  const remove = database.prepare('DELETE FROM outputs WHERE operation = ?');
  for (const { id } of found) remove.run(String(id));
  if (found.length > 0) database.exec('PRAGMA incremental_vacuum;');
  return found.length;
}
