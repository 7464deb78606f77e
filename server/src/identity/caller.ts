export type Role = 'admin' | 'operator' | 'reader' | 'agent';

/** Who calls, as the transport proved it. */
export interface Caller {
  readonly kind: 'local' | 'operator' | 'agent';
  /** "local", the operator's name or the node's name. */
  readonly name: string;
  readonly role: Role;
  /** Agents only. */
  readonly nodeId?: string;
  /** Of the certificate shown; empty on the local socket. */
  readonly serial: string;
}

/** Whoever can open the server's unix sockets (mode 0600) is root on its machine already. */
export const localAdmin: Caller = { kind: 'local', name: 'local', role: 'admin', serial: '' };
