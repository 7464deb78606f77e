import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

/** A copy of a whole database, in memory, as it is now. */
export function copyDatabase(from: DatabaseSync): DatabaseSync {
  const to = new DatabaseSync(':memory:');
  for (const { name, sql } of from.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()) {
    to.exec(String(sql));
    const rows = from
      .prepare(`SELECT * FROM ${name}`)
      .all()
      .map((row) => Object.values(row) as SQLInputValue[]);
    if (!rows[0]) continue;
    const insert = to.prepare(`INSERT INTO ${name} VALUES (${rows[0].map(() => '?').join(', ')})`);
    for (const row of rows) insert.run(...row);
  }
  return to;
}
