/** What proves an operator to the server, all PEM: the CA the server must have its certificate from, and the client's own certificate and key. */
export interface ClientCredentials {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A server and the credentials for it, under a name that the user chose. */
export interface Context {
  /** Letters, digits, `.`, `_` and `-`; at most 63 characters. */
  readonly name: string;
  /** host:port of the gRPC endpoint. */
  readonly grpcAddress: string;
  /** host:port of the HTTPS endpoint, where blobs move. */
  readonly httpsAddress: string;
  readonly credentials: ClientCredentials;
}

/** Where a client is to connect, and as whom: the sockets of a server on this machine, or a remote server over mTLS. */
export type ServerTarget =
  | { readonly kind: 'local'; readonly grpcSocket: string; readonly httpSocket: string }
  | {
      readonly kind: 'remote';
      /** Name of the context that the credentials are from. */
      readonly context: string;
      readonly grpcAddress: string;
      readonly httpsAddress: string;
      readonly credentials: ClientCredentials;
    };

/** The target as people read it: "unix:///run/seal/server.sock" or "10.77.1.10:7443". */
export function describeTarget(target: ServerTarget): string {
  return target.kind === 'local' ? `unix://${target.grpcSocket}` : target.grpcAddress;
}
