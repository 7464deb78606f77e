import { type Clock, Problem } from '@seal/foundation';
import { type Authority, type Certificate, isTrustedLeaf, parseCertificate } from '@seal/pki';
import { type Caller, localAdmin } from './caller.ts';
import type { EnrolledNodes } from './enrolled-nodes.ts';
import { authorize } from './roles.ts';

/** Tells who a client certificate (DER) is. Problems: UNAUTHENTICATED, NODE_REMOVED. */
export type Authenticate = (rawCertificate: Uint8Array | undefined, expiredForMilliseconds?: number) => Caller;

export interface AuthenticateOptions {
  readonly authority: Authority;
  readonly nodes: EnrolledNodes;
  readonly clock: Clock;
}

/** O= of agents' certificates; operators have `seal:<role>`. */
export const agentOrganization = 'seal:agents';

/**
 * Checks on each call what the handshake checked once at most: issued by exactly this authority for clients, in time, not denied, and for
 * agents that the node is enrolled. `expiredForMilliseconds` lets one through that expired at most that long ago (for renewal alone).
 */
export function makeAuthenticate(options: AuthenticateOptions): Authenticate {
  return (raw, expiredForMilliseconds = 0) => {
    if (!raw || raw.length === 0) throw new Problem('UNAUTHENTICATED', 'the caller showed no client certificate');
    const certificate = parse(raw);
    const { authority, nodes, clock } = options;
    if (!isTrustedLeaf(certificate, authority.certificate.x509, 'client', clock.now(), expiredForMilliseconds))
      throw new Problem(
        'UNAUTHENTICATED',
        `the client certificate ${nameOf(certificate)} is not one of this server, or not valid now`,
      );
    if (nodes.isDeniedSerial(certificate.serial))
      throw new Problem('UNAUTHENTICATED', `the client certificate ${nameOf(certificate)} was denied`);
    return certificate.organization === agentOrganization ? agentOf(certificate, nodes) : operatorOf(certificate);
  };
}

/** The guard of the gRPC endpoint with TLS: who calls, and may that role call this method. */
export function tlsGuard(authenticate: Authenticate) {
  return (call: { getPath(): string; getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } | undefined } }): Caller => {
    const caller = authenticate(call.getAuthContext().sslPeerCertificate?.raw);
    authorize(call.getPath(), caller);
    return caller;
  };
}

/** The guard of the gRPC endpoint on the unix socket. */
export function localGuard(call: { getPath(): string }): Caller {
  authorize(call.getPath(), localAdmin);
  return localAdmin;
}

function agentOf(certificate: Certificate, nodes: EnrolledNodes): Caller {
  const node = nodes.get(certificate.commonName);
  if (!node) throw new Problem('UNAUTHENTICATED', `no node has the id "${certificate.commonName}" of the client certificate`);
  if (node.removedAt !== undefined)
    throw new Problem('NODE_REMOVED', `node ${node.name} (${node.id}) was removed from this server`);
  return { kind: 'agent', name: node.name, role: 'agent', nodeId: node.id, serial: certificate.serial };
}

function operatorOf(certificate: Certificate): Caller {
  const role = (['admin', 'operator', 'reader'] as const).find((each) => certificate.organization === `seal:${each}`);
  if (!role || certificate.commonName === '')
    throw new Problem('UNAUTHENTICATED', `the client certificate ${nameOf(certificate)} gives no role`);
  return { kind: 'operator', name: certificate.commonName, role, serial: certificate.serial };
}

function parse(raw: Uint8Array): Certificate {
  try {
    return parseCertificate(raw);
  } catch (error) {
    throw new Problem('UNAUTHENTICATED', 'the client certificate cannot be read', { cause: error });
  }
}

function nameOf(certificate: Certificate): string {
  return `"${certificate.commonName}" (serial ${certificate.serial})`;
}
