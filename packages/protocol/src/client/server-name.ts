import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { ChannelOptions, VerifyOptions } from '@grpc/grpc-js';

/**
 * How a gRPC channel to `address` (host:port) checks the name in the server's certificate. gRPC would put an IP address into the TLS
 * server name, which RFC 6066 forbids and Node warns of: then a fixed name is sent, and the certificate is checked against the address.
 */
export function serverNameCheck(address: string): { readonly verify: VerifyOptions; readonly options: ChannelOptions } {
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0) return { verify: {}, options: {} };
  return {
    verify: { checkServerIdentity: (_name: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate) },
    options: { 'grpc.ssl_target_name_override': 'seal-server' },
  };
}
