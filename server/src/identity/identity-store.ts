export type TokenUsage = 'join-worker' | 'join-master';

/** A bootstrap token as it is stored: never its secret. Times in ms since the epoch. */
export interface StoredToken {
  readonly id: string;
  readonly verifier: string;
  readonly usages: readonly TokenUsage[];
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly maxUses: number;
  readonly uses: number;
  /** Node ids that were admitted with it. */
  readonly usedBy: readonly string[];
  readonly revokedAt?: number;
  /** Only this node name; also what allows a reinstalled host to replace the node of that name. */
  readonly nodeName?: string;
  /** Only from this network. */
  readonly cidr?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** An enrolled node. Rows are never deleted, so an id is never used again. Times in ms since the epoch. */
export interface StoredNode {
  readonly id: string;
  /** Unique among nodes that were not removed. */
  readonly name: string;
  /** `sha256:…` of the public key it enrolled or last renewed with. */
  readonly keyDigest: string;
  readonly tokenId: string;
  /** Empty when the host told none. */
  readonly machineId: string;
  readonly usages: readonly TokenUsage[];
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAt: number;
  /** The certificate it was given last; empty between admission and issue. */
  readonly certificatePem: string;
  readonly certificateExpiresAt: number;
  readonly removedAt?: number;
  readonly removedBy?: string;
}

/** A certificate serial that counts no more. (Removed nodes are denied by their row.) */
export interface Denial {
  readonly serial: string;
  readonly deniedAt: number;
  readonly deniedBy: string;
}

/** One decision, chained to the one before it. */
export interface AuditRecord {
  readonly seq: number;
  readonly at: number;
  /** Operator's or node's name, "local", or the token's id of an enrolment. */
  readonly actor: string;
  /** Of the actor's certificate; empty for the local socket and for enrolments. */
  readonly serial: string;
  /** gRPC method, or "enrol", "token-created", … */
  readonly action: string;
  readonly decision: 'allowed' | 'refused';
  /** `sha256:…` of the request without its secrets; empty when there is none. */
  readonly requestDigest: string;
  readonly operation: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Hash of the record before; empty in the first. */
  readonly previous: string;
  /** `sha256:…` of this record without `hash`. */
  readonly hash: string;
}

/** Reads and writes inside one transaction. */
export interface IdentityRows {
  token(id: string): StoredToken | undefined;
  /** Newest first. */
  tokens(): StoredToken[];
  putToken(token: StoredToken): void;
  node(id: string): StoredNode | undefined;
  nodeByKey(keyDigest: string): StoredNode | undefined;
  /** Removed ones too. */
  nodes(): StoredNode[];
  putNode(node: StoredNode): void;
  denials(): Denial[];
  putDenial(denial: Denial): void;
  lastAudit(): AuditRecord | undefined;
  /** Oldest first, from `fromSeq` on, at most `limit`. */
  audit(fromSeq: number, limit: number): AuditRecord[];
  putAudit(record: AuditRecord): void;
}

/**
 * Where identity is kept. `transaction` runs `work` alone (nothing else reads or writes between its first read and its last write) and
 * makes all of it durable before it resolves; when `work` throws, nothing of it is kept and the error is passed on.
 * Problem: STORE_FAILED.
 */
export interface IdentityStore {
  transaction<Result>(work: (rows: IdentityRows) => Result): Promise<Result>;
}
