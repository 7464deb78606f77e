import type { ServerOptions } from 'node:https';

/** What a TLS endpoint of the server shows and trusts. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly caPem: string;
}

/** Certificate, key and CA for `createServer` and, after a renewal, for `server.setSecureContext`: new connections take it, open ones go on. */
export function secureContextOf(identity: TlsIdentity) {
  return { cert: identity.certificatePem, key: identity.privateKeyPem, ca: identity.caPem, minVersion: 'TLSv1.3' as const };
}

/**
 * Options of the HTTPS endpoint: TLS 1.3 alone; a client certificate is asked for, not demanded, and judged by the handler for each
 * request; handshakes, headers and idle connections have 10 s, the bodies' time is the handler's own matter.
 */
export function httpsOptions(identity: TlsIdentity): ServerOptions {
  return {
    ...secureContextOf(identity),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: 10_000,
    ...httpLimits,
  };
}

/** Limits of both endpoints (TLS port and unix socket). */
export const httpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
} as const;
