import type { DatabaseSync } from 'node:sqlite';
import { foldOperation, type OperationEvent } from '@seal/plan';
import type { ObservedOperation } from './observed-operation.ts';

/** The operations that a backup holds, as far as it knows them. What people asked for they have asked for all the same. */
export function restoredOperations(
  database: DatabaseSync,
  known: readonly ObservedOperation[],
  now: number,
): readonly ObservedOperation[] {
  const rows = database.prepare('SELECT operation, body FROM events ORDER BY operation, seq').all();
  return known.flatMap(({ id, plan, resumedAt }) => {
    const events = rows.filter(({ operation }) => operation === id).map(({ body }) => JSON.parse(String(body)) as OperationEvent);
    return events.length === 0 ? [] : [{ id, plan, resumedAt, changedAt: now, view: foldOperation(id, plan, events) }];
  });
}

/** Where the stored output of each stream of a backup ends: `<step>.<attempt>/<stream>`. */
export function restoredOutputEnds(database: DatabaseSync): Map<string, number> {
  const ends = database
    .prepare('SELECT step, attempt, stream, max(offset + length(data)) AS end FROM outputs GROUP BY step, attempt, stream')
    .all();
  return new Map(ends.map(({ step, attempt, stream, end }) => [`${step}.${attempt}/${stream}`, Number(end)]));
}
