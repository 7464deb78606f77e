import type { DatabaseSync } from 'node:sqlite';
import { Problem } from '@seal/foundation';
import type { SavedPlan, SavedPlanRows } from '../operation/saved-plans.ts';

/** Saved plans on node:sqlite, in the same database as the Store. */
export function sqliteSavedPlans(database: DatabaseSync): SavedPlanRows {
  database.exec(
    'CREATE TABLE IF NOT EXISTS saved_plans (id TEXT PRIMARY KEY, saved_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT',
  );
  const run = (sql: string, ...values: (string | number)[]) => {
    try {
      database.prepare(sql).run(...values);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Problem('STORE_FAILED', `the state database refused a write: ${why}`, { cause });
    }
  };
  return {
    async put(saved) {
      run('INSERT INTO saved_plans (id, saved_at, body) VALUES (?, ?, ?)', saved.plan.id, saved.savedAt, JSON.stringify(saved));
    },
    async get(planId) {
      const row = database.prepare('SELECT body FROM saved_plans WHERE id = ?').get(planId);
      return row && (JSON.parse(String(row.body)) as SavedPlan);
    },
    async remove(planId) {
      run('DELETE FROM saved_plans WHERE id = ?', planId);
    },
    async removeBefore(time) {
      run('DELETE FROM saved_plans WHERE saved_at < ?', time);
    },
  };
}
