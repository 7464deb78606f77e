import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Problem } from '@seal/foundation';
import type { NodeFacts, OperationEvent, Plan } from '@seal/plan';
import type { ClusterRecord } from '@seal/runtime';
import type { Store, StoredOperation, StoredOutput, StoredOutputRow, StoredSecret, Write } from './store.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS operations (id TEXT PRIMARY KEY, cluster TEXT NOT NULL, plan TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS operations_by_time ON operations (created_at);
  CREATE TABLE IF NOT EXISTS events (operation TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL, finished INTEGER NOT NULL,
    PRIMARY KEY (operation, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS outputs (row INTEGER PRIMARY KEY, operation TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL,
    stream INTEGER NOT NULL, offset INTEGER NOT NULL, data BLOB NOT NULL, dropped INTEGER NOT NULL,
    after_seq INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE INDEX IF NOT EXISTS outputs_by_operation ON outputs (operation, row);
  CREATE INDEX IF NOT EXISTS outputs_by_step ON outputs (step, attempt, stream, offset);
  CREATE TABLE IF NOT EXISTS clusters (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS secrets (ref TEXT PRIMARY KEY, sealed BLOB NOT NULL, public TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS node_facts (node TEXT PRIMARY KEY, facts TEXT NOT NULL, seen_at INTEGER NOT NULL) STRICT;
`;

/** Opens (and makes, mode 0600) the database file; `:memory:` for tests. WAL with synchronous=FULL: a committed batch survives power loss. */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  // Before anything makes the file: only then can what is pruned be given back to the disk.
  database.exec('PRAGMA auto_vacuum=INCREMENTAL;');
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000;');
  return database;
}

/** The embedded Store, on node:sqlite. */
export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** That of this server's life; undefined until `nextEpoch`. */
  #epoch: number | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(schema);
    const outputs = database.prepare('PRAGMA table_info(outputs)').all();
    // A database of an earlier version.
    if (!outputs.some(({ name }) => name === 'after_seq'))
      database.exec('ALTER TABLE outputs ADD COLUMN after_seq INTEGER NOT NULL DEFAULT 0');
  }

  async commit(batch: readonly Write[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      this.#refuseWhenReplaced();
      for (const write of batch) this.#apply(write);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw asProblem(error);
    }
  }

  async nextEpoch(atLeast = 1): Promise<number> {
    const row = this.#get(
      "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value",
      atLeast,
    );
    this.#epoch = Number(row?.value);
    return this.#epoch;
  }

  async operation(id: string): Promise<StoredOperation | undefined> {
    const row = this.#get('SELECT * FROM operations WHERE id = ?', id);
    return row && operationOf(row);
  }

  async operations(filter: { cluster?: string; limit: number }): Promise<StoredOperation[]> {
    const cluster = filter.cluster ?? '';
    return this.#all(
      "SELECT * FROM operations WHERE (? = '' OR cluster = ?) ORDER BY created_at DESC, rowid DESC LIMIT ?",
      cluster,
      cluster,
      filter.limit,
    ).map(operationOf);
  }

  async unfinishedOperations(): Promise<StoredOperation[]> {
    return this.#all(
      `SELECT * FROM operations WHERE coalesce((SELECT finished FROM events WHERE operation = id ORDER BY seq DESC LIMIT 1), 0) = 0
       ORDER BY created_at, rowid`,
    ).map(operationOf);
  }

  async events(operation: string, afterSeq = 0): Promise<OperationEvent[]> {
    return this.#all('SELECT body FROM events WHERE operation = ? AND seq > ? ORDER BY seq', operation, afterSeq).map(
      (row) => JSON.parse(String(row.body)) as OperationEvent,
    );
  }

  async outputs(operation: string, afterRow: number, limit: number): Promise<StoredOutputRow[]> {
    return this.#all(
      'SELECT * FROM outputs WHERE operation = ? AND row > ? ORDER BY row LIMIT ?',
      operation,
      afterRow,
      limit,
    ).map((row) => ({ row: Number(row.row), afterSeq: Number(row.after_seq), output: outputOf(row) }));
  }

  async outputEnd(step: string, attempt: number, stream: number): Promise<number> {
    const row = this.#get(
      'SELECT offset + length(data) AS end FROM outputs WHERE step = ? AND attempt = ? AND stream = ? ORDER BY offset DESC LIMIT 1',
      step,
      attempt,
      stream,
    );
    return Number(row?.end ?? 0);
  }

  async cluster(name: string): Promise<ClusterRecord | undefined> {
    const row = this.#get('SELECT record FROM clusters WHERE name = ?', name);
    return row && (JSON.parse(String(row.record)) as ClusterRecord);
  }

  async clusters(): Promise<ClusterRecord[]> {
    return this.#all('SELECT record FROM clusters ORDER BY name').map((row) => JSON.parse(String(row.record)) as ClusterRecord);
  }

  async secret(ref: string): Promise<StoredSecret | undefined> {
    const row = this.#get('SELECT * FROM secrets WHERE ref = ?', ref);
    return row && { ref, sealed: row.sealed as Uint8Array, publicJson: String(row.public) };
  }

  async facts(): Promise<{ nodeId: string; facts: NodeFacts; seenAt: number }[]> {
    return this.#all('SELECT * FROM node_facts').map((row) => ({
      nodeId: String(row.node),
      facts: JSON.parse(String(row.facts)) as NodeFacts,
      seenAt: Number(row.seen_at),
    }));
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #refuseWhenReplaced(): void {
    if (this.#epoch === undefined) return;
    const newest = Number(this.#get("SELECT value FROM meta WHERE key = 'epoch'")?.value);
    if (newest !== this.#epoch)
      throw new Problem('SERVER_EPOCH_STALE', `a server with epoch ${newest} has replaced this one (epoch ${this.#epoch})`);
  }

  #apply(write: Write): void {
    switch (write.kind) {
      case 'operation': {
        const { id, cluster, plan, createdAt } = write.operation;
        this.#run(
          'INSERT INTO operations (id, cluster, plan, created_at) VALUES (?, ?, ?, ?)',
          id,
          cluster,
          JSON.stringify(plan),
          createdAt,
        );
        return;
      }
      case 'event': {
        const { operation, seq, type } = write.event;
        const finished = type === 'operation-finished' || type === 'operation-rolled-back' ? 1 : 0;
        this.#run(
          'INSERT INTO events (operation, seq, body, finished) VALUES (?, ?, ?, ?)',
          operation,
          seq,
          JSON.stringify(write.event),
          finished,
        );
        return;
      }
      case 'output': {
        const { operation, step, attempt, stream, offset, data, droppedBytes } = write.output;
        this.#run(
          'INSERT INTO outputs (operation, step, attempt, stream, offset, data, dropped, after_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          operation,
          step,
          attempt,
          stream,
          offset,
          data,
          droppedBytes,
          write.afterSeq ?? 0,
        );
        return;
      }
      case 'output-given-up': {
        const { step, attempt, stream, from, to } = write.range;
        this.#run(
          'DELETE FROM outputs WHERE step = ? AND attempt = ? AND stream = ? AND offset >= ? AND offset < ? AND offset + length(data) <= ?',
          ...[step, attempt, stream, from, to, to],
        );
        return;
      }
      case 'cluster':
        this.#putCluster(write.record, write.expectRevision);
        return;
      case 'cluster-removed':
        this.#run('DELETE FROM clusters WHERE name = ?', write.name);
        return;
      case 'secret': {
        const { ref, sealed, publicJson } = write.secret;
        this.#run(
          'INSERT INTO secrets (ref, sealed, public) VALUES (?, ?, ?) ON CONFLICT (ref) DO NOTHING',
          ref,
          sealed,
          publicJson,
        );
        return;
      }
      case 'secrets-removed':
        this.#run('DELETE FROM secrets WHERE substr(ref, 1, length(?)) = ?', write.refPrefix, write.refPrefix);
        return;
      case 'facts':
        this.#run(
          'INSERT INTO node_facts (node, facts, seen_at) VALUES (?, ?, ?) ON CONFLICT (node) DO UPDATE SET facts = excluded.facts, seen_at = excluded.seen_at',
          write.nodeId,
          JSON.stringify(write.facts),
          write.seenAt,
        );
    }
  }

  #putCluster(record: ClusterRecord, expectRevision: number): void {
    const found = Number(this.#get('SELECT revision FROM clusters WHERE name = ?', record.name)?.revision ?? 0);
    if (found !== expectRevision)
      throw new Problem(
        'CONFLICT_REVISION',
        `cluster ${record.name} is at revision ${found}, but this change was made for revision ${expectRevision}`,
      );
    this.#run(
      'INSERT INTO clusters (name, revision, record) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, record = excluded.record',
      record.name,
      record.revision,
      JSON.stringify(record),
    );
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#prepare(sql).run(...values);
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.#prepare(sql).get(...values);
  }

  #all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    return this.#prepare(sql).all(...values);
  }
}

function operationOf(row: Record<string, unknown>): StoredOperation {
  return {
    id: String(row.id),
    cluster: String(row.cluster),
    plan: JSON.parse(String(row.plan)) as Plan,
    createdAt: Number(row.created_at),
  };
}

function outputOf(row: Record<string, unknown>): StoredOutput {
  return {
    operation: String(row.operation),
    step: String(row.step),
    attempt: Number(row.attempt),
    stream: Number(row.stream),
    offset: Number(row.offset),
    data: row.data as Uint8Array,
    droppedBytes: Number(row.dropped),
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem('STORE_FAILED', `the state database refused a write: ${message}`, { cause: error });
}
