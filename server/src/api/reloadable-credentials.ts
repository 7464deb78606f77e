import { ServerCredentials } from '@grpc/grpc-js';

/** What a TLS endpoint of the server shows and trusts. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** Client certificates must chain to this. */
  readonly caPem: string;
}

/** gRPC over TLS 1.3 with a client certificate required. `reload` takes effect for new connections; open ones go on. */
export class ReloadableCredentials extends ServerCredentials {
  constructor(identity: TlsIdentity) {
    super({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, contextOf(identity));
  }

  reload(identity: TlsIdentity): void {
    this.updateSecureContextOptions(contextOf(identity));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf(identity: TlsIdentity) {
  return { cert: identity.certificatePem, key: identity.privateKeyPem, ca: identity.caPem };
}
