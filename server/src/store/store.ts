import type { NodeFacts, OperationEvent, Plan } from '@seal/plan';
import type { ClusterRecord } from '@seal/runtime';

/** An operation as it is stored: its plan, never its status (that is a fold over the events). */
export interface StoredOperation {
  readonly id: string;
  readonly cluster: string;
  readonly plan: Plan;
  readonly createdAt: number;
}

export interface StoredOutput {
  readonly operation: string;
  readonly step: string;
  readonly attempt: number;
  /** 1 stdout, 2 stderr. */
  readonly stream: number;
  /** Position of `data` in its stream, bytes. */
  readonly offset: number;
  readonly data: Uint8Array;
  readonly droppedBytes: number;
}

/** Where a piece of output stands in its operation: in order of `row`, after the event `afterSeq` and before the next one. */
export interface StoredOutputRow {
  readonly row: number;
  readonly afterSeq: number;
  readonly output: StoredOutput;
}

/** Bytes [from, to) of one stream of a step's output. */
export interface OutputRange {
  readonly step: string;
  readonly attempt: number;
  readonly stream: number;
  readonly from: number;
  readonly to: number;
}

export interface StoredSecret {
  readonly ref: string;
  /** Encrypted by the secret box; the store never sees plain values. */
  readonly sealed: Uint8Array;
  readonly publicJson: string;
}

/** One write of a batch. A batch is applied whole or not at all. */
export type Write =
  | { readonly kind: 'operation'; readonly operation: StoredOperation }
  | { readonly kind: 'event'; readonly event: OperationEvent }
  /** `afterSeq`: the last event of the operation that comes before it. Default 0, none. */
  | { readonly kind: 'output'; readonly output: StoredOutput; readonly afterSeq?: number }
  /** Gives up the stored pieces that lie wholly in the range. */
  | { readonly kind: 'output-given-up'; readonly range: OutputRange }
  /** `expectRevision` is that of the record being replaced, 0 for a new one; another revision fails the batch with CONFLICT_REVISION. */
  | { readonly kind: 'cluster'; readonly record: ClusterRecord; readonly expectRevision: number }
  | { readonly kind: 'cluster-removed'; readonly name: string }
  /** Never replaces an existing secret. */
  | { readonly kind: 'secret'; readonly secret: StoredSecret }
  | { readonly kind: 'secrets-removed'; readonly refPrefix: string }
  | { readonly kind: 'facts'; readonly nodeId: string; readonly facts: NodeFacts; readonly seenAt: number };

/**
 * Where the server keeps what must outlive it. Asynchronous, so that an implementation over a network fits.
 * A resolved `commit` is durable (fsync). Failed writes reject with STORE_FAILED and leave nothing of the batch; after another server's
 * `nextEpoch` every write of this one rejects with SERVER_EPOCH_STALE.
 */
export interface Store {
  commit(batch: readonly Write[]): Promise<void>;
  /**
   * The fencing number of this server's life: one more than the stored epoch, and at least `atLeast` (default 1). It is stored.
   * With the time as `atLeast`, a server whose state is back from a backup is above every life that the backup does not know of.
   */
  nextEpoch(atLeast?: number): Promise<number>;
  operation(id: string): Promise<StoredOperation | undefined>;
  /** Newest first. */
  operations(filter: { readonly cluster?: string; readonly limit: number }): Promise<StoredOperation[]>;
  /** Operations whose last event is not `operation-finished`, oldest first. */
  unfinishedOperations(): Promise<StoredOperation[]>;
  /** In order, those after `afterSeq` (default all). */
  events(operation: string, afterSeq?: number): Promise<OperationEvent[]>;
  /** In order of arrival, from `afterRow` (exclusive), at most `limit` rows. */
  outputs(operation: string, afterRow: number, limit: number): Promise<StoredOutputRow[]>;
  /** Bytes stored of each stream of one attempt: the offset to go on from. */
  outputEnd(step: string, attempt: number, stream: number): Promise<number>;
  cluster(name: string): Promise<ClusterRecord | undefined>;
  clusters(): Promise<ClusterRecord[]>;
  secret(ref: string): Promise<StoredSecret | undefined>;
  facts(): Promise<{ readonly nodeId: string; readonly facts: NodeFacts; readonly seenAt: number }[]>;
  close(): Promise<void>;
}
