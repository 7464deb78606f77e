import type { DatabaseSync } from 'node:sqlite';
import { Problem } from '@seal/foundation';
import type { AuditRecord, Denial, IdentityRows, IdentityStore, StoredNode, StoredToken } from '../identity/identity-store.ts';

/** Tables of the identity store; running it again changes nothing. */
export const identitySchema = `
  CREATE TABLE IF NOT EXISTS identity_tokens (id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS identity_nodes (id TEXT PRIMARY KEY, name TEXT NOT NULL, key_digest TEXT NOT NULL UNIQUE,
    removed INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS identity_live_names ON identity_nodes (name) WHERE removed = 0;
  CREATE TABLE IF NOT EXISTS identity_denials (serial TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS audit (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
  CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
`;

/**
 * The IdentityStore on node:sqlite, in the same database as the Store.
 * INVARIANTS: a transaction is one synchronous call, so no other code of this process runs inside it; BEGIN IMMEDIATE keeps other
 * processes out.
 */
export function sqliteIdentityStore(database: DatabaseSync): IdentityStore {
  database.exec(identitySchema);
  const rows = rowsOf(database);
  return {
    async transaction(work) {
      begin(database);
      try {
        const result = work(rows);
        database.exec('COMMIT');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw isSqlite(error) ? storeFailed(error) : error;
      }
    },
  };
}

function begin(database: DatabaseSync): void {
  try {
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    throw storeFailed(error);
  }
}

function rowsOf(database: DatabaseSync): IdentityRows {
  const one = <Row>(sql: string) => {
    const statement = database.prepare(sql);
    return (key: string): Row | undefined => read<Row>(statement.get(key));
  };
  const all = <Row>(sql: string) => {
    const statement = database.prepare(sql);
    return (): Row[] => statement.all().map((row) => read<Row>(row)!);
  };
  const putToken = database.prepare(
    'INSERT INTO identity_tokens (id, created_at, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
  );
  const putNode = database.prepare(
    `INSERT INTO identity_nodes (id, name, key_digest, removed, body) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, key_digest = excluded.key_digest, removed = excluded.removed, body = excluded.body`,
  );
  const putDenial = database.prepare('INSERT INTO identity_denials (serial, body) VALUES (?, ?) ON CONFLICT (serial) DO NOTHING');
  const putAudit = database.prepare('INSERT INTO audit (seq, body) VALUES (?, ?)');
  const lastAudit = database.prepare('SELECT body FROM audit ORDER BY seq DESC LIMIT 1');
  const audit = database.prepare('SELECT body FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?');
  return {
    token: one<StoredToken>('SELECT body FROM identity_tokens WHERE id = ?'),
    tokens: all<StoredToken>('SELECT body FROM identity_tokens ORDER BY created_at DESC, rowid DESC'),
    putToken: (token) => void putToken.run(token.id, token.createdAt, JSON.stringify(token)),
    node: one<StoredNode>('SELECT body FROM identity_nodes WHERE id = ?'),
    nodeByKey: one<StoredNode>('SELECT body FROM identity_nodes WHERE key_digest = ?'),
    nodes: all<StoredNode>('SELECT body FROM identity_nodes ORDER BY rowid'),
    putNode(node) {
      putNode.run(node.id, node.name, node.keyDigest, node.removedAt === undefined ? 0 : 1, JSON.stringify(node));
    },
    denials: all<Denial>('SELECT body FROM identity_denials'),
    putDenial: (denial) => void putDenial.run(denial.serial, JSON.stringify(denial)),
    lastAudit: () => read<AuditRecord>(lastAudit.get()),
    audit: (fromSeq, limit) => audit.all(fromSeq, limit).map((row) => read<AuditRecord>(row)!),
    putAudit: (record) => void putAudit.run(record.seq, JSON.stringify(record)),
  };
}

function read<Row>(row: Record<string, unknown> | undefined): Row | undefined {
  return row && (JSON.parse(String(row.body)) as Row);
}

function isSqlite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

function storeFailed(error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  return new Problem('STORE_FAILED', `the state database refused a change of identity: ${message}`, { cause: error });
}
