import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { OperationEvent, Plan } from '@seal/plan';
import { pruneOutputs } from './prune-outputs.ts';
import { openDatabase, SqliteStore } from './sqlite.ts';
import type { Write } from './store.ts';

const plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes: [], phases: [] } as unknown as Plan;

function recorded(id: string, createdAt: number, type: OperationEvent['type'], text = 'output'): Write[] {
  const event = { seq: 1, at: createdAt, operation: id, type } as OperationEvent;
  const data = Buffer.from(text);
  const output = { operation: id, step: `${id}-step`, attempt: 1, stream: 1, offset: 0, data, droppedBytes: 0 };
  return [
    { kind: 'operation', operation: { id, cluster: '', plan, createdAt } },
    { kind: 'event', event },
    { kind: 'output', output },
  ];
}

function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'seal-prune-'));
  const path = join(directory, 'state.db');
  const database = openDatabase(path);
  const store = new SqliteStore(database);
  t.after(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  const withOutput = async (...ids: string[]) => {
    const found = await Promise.all(ids.map(async (id) => ((await store.outputs(id, 0, 1)).length > 0 ? [id] : [])));
    return found.flat();
  };
  return { path, database, store, withOutput };
}

it('output is kept of the newest operations, and of those only as long as they are young', async (t) => {
  const { database, store, withOutput } = open(t);
  for (const [id, at] of Object.entries({ a: 100, b: 200, c: 300, d: 400 }))
    await store.commit(recorded(id, at, 'operation-finished'));
  assert.equal(pruneOutputs(database, { operations: 3, since: 0 }), 1);
  assert.deepEqual(await withOutput('a', 'b', 'c', 'd'), ['b', 'c', 'd']);
  assert.equal(pruneOutputs(database, { operations: 3, since: 300 }), 1);
  assert.deepEqual(await withOutput('a', 'b', 'c', 'd'), ['c', 'd']);
  assert.equal((await store.events('a')).length, 1, 'what happened stays known');
});

it('output of an operation that has not ended stays, however old it is', async (t) => {
  const { database, store, withOutput } = open(t);
  await store.commit(recorded('a', 1, 'operation-started'));
  assert.equal(pruneOutputs(database, { operations: 0, since: 1000 }), 0);
  assert.deepEqual(await withOutput('a'), ['a']);
});

it('the space of pruned output goes back to the disk', async (t) => {
  const { path, database, store } = open(t);
  await store.commit(recorded('a', 1, 'operation-finished', 'x'.repeat(4_000_000)));
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const before = statSync(path).size;
  pruneOutputs(database, { operations: 0, since: 0 });
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  assert.ok(before > 4_000_000 && statSync(path).size < 400_000, `${before} -> ${statSync(path).size} bytes`);
});
