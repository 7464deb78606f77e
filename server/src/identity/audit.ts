import { type Clock, canonicalJson, sha256Digest } from '@seal/foundation';
import type { AuditRecord, IdentityRows, IdentityStore } from './identity-store.ts';

/** A decision to be kept. What is not given stays empty. */
export interface AuditEntry {
  readonly actor: string;
  readonly action: string;
  readonly decision: 'allowed' | 'refused';
  readonly serial?: string;
  readonly operation?: string;
  /** Only its digest is kept, taken after its secrets were left out. */
  readonly request?: unknown;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** The append-only, hash-chained record of who was allowed what. */
export class Audit {
  readonly #store: IdentityStore;
  readonly #clock: Clock;

  constructor(store: IdentityStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Resolves when the record is durable. Problem: STORE_FAILED. */
  async record(entry: AuditEntry): Promise<void> {
    await this.#store.transaction((rows) => appendAudit(rows, entry, this.#clock.now()));
  }

  /** Oldest first. */
  async list(fromSeq: number, limit: number): Promise<AuditRecord[]> {
    return this.#store.transaction((rows) => rows.audit(fromSeq, limit));
  }
}

/** For decisions that are part of a transaction of their own: kept exactly when the decision is. */
export function appendAudit(rows: IdentityRows, entry: AuditEntry, now: number): void {
  const last = rows.lastAudit();
  const body: Omit<AuditRecord, 'hash'> = {
    seq: (last?.seq ?? 0) + 1,
    at: now,
    actor: entry.actor,
    serial: entry.serial ?? '',
    action: entry.action,
    decision: entry.decision,
    requestDigest: entry.request === undefined ? '' : sha256Digest(canonicalJson(redact(entry.request))),
    operation: entry.operation ?? '',
    detail: redact(entry.detail ?? {}) as Record<string, unknown>,
    previous: last?.hash ?? '',
  };
  rows.putAudit({ ...body, hash: hashOf(body) });
}

/** The number of the first record that was altered, or follows one that is missing; undefined when the chain is whole. */
export function findBrokenAudit(records: readonly AuditRecord[], previous = ''): number | undefined {
  let expected = previous;
  for (const record of records) {
    const { hash, ...body } = record;
    if (record.previous !== expected || hashOf(body) !== hash) return record.seq;
    expected = hash;
  }
  return undefined;
}

/** A copy without secrets: values of fields that are named like one, and the secret part of bootstrap tokens in any text. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(seal1\.[^.\s]+)\.[A-Za-z0-9_-]+/g, '$1.<secret>');
  if (Array.isArray(value)) return value.map(redact);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
    key,
    secretName.test(key) && typeof item !== 'object' ? '<secret>' : redact(item),
  ]);
  return Object.fromEntries(entries);
}

const secretName = /secret|passw|privatekey|credential|^(token|value|key|data)$/i;

function hashOf(body: Omit<AuditRecord, 'hash'>): string {
  return sha256Digest(canonicalJson(body));
}
