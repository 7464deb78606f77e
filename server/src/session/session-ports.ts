import type { Clock, Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';
import type { ClusterRecords } from '../operation/cluster-records.ts';
import type { OperationLog } from '../operation/operation-log.ts';
import type { Store } from '../store/store.ts';

/** The transport of one agent's session: a gRPC stream, or a simulated one. */
export interface AgentLink {
  readonly nodeId: string;
  readonly nodeName: string;
  /** Messages are sent in order; sending on a dead link is silently lost, as on a network. */
  send(message: agentProto.ServerMessage): void;
  close(reason: Problem): void;
}

export interface SessionLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SessionsOptions {
  readonly store: Store;
  readonly log: OperationLog;
  readonly records: ClusterRecords;
  readonly clock: Clock;
  readonly logger: SessionLogger;
  readonly epoch: number;
  readonly serverVersion: string;
  readonly heartbeatSeconds: number;
  readonly outputWindowBytes: number;
  /** The plain value of a secret. Problem: SECRET_MISSING. */
  readonly resolveSecret: (ref: string) => Promise<Uint8Array>;
}
