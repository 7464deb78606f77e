import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

/** A copy of a whole database, in memory, as it is now. */
export function copyDatabase(from: DatabaseSync): DatabaseSync {
  const to = new DatabaseSync(':memory:');
  for (const { name, sql } of from.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()) {
    to.exec(String(sql));
    for (const row of from.prepare(`SELECT * FROM ${name}`).all()) {
      const values = Object.values(row) as SQLInputValue[];
      to.prepare(`INSERT INTO ${name} VALUES (${values.map(() => '?').join(', ')})`).run(...values);
    }
  }
  return to;
}
