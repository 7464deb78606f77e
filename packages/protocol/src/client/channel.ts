import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { type ChannelOptions, Client, credentials, type VerifyOptions } from '@grpc/grpc-js';
import { Problem } from '@seal/foundation';
import type { ClientCredentials, ServerTarget } from '../credentials/context.ts';
import { serverNameCheck } from './server-name.ts';

const options: ChannelOptions = {
  // A half-open connection is noticed within 30 s, also while a watched operation is silent.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 3_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
  // Servers are reached directly, as blobs over HTTPS are: a company's web proxy does not know them.
  'grpc.enable_http_proxy': 0,
};

/** An untyped gRPC client on a channel to the target; connects at the first call. Problems: CREDENTIALS_EXPIRED, CONTEXT_INVALID. */
export function openChannel(target: ServerTarget): Client {
  if (target.kind === 'local')
    return new Client(`unix://${target.grpcSocket}`, credentials.createInsecure(), {
      ...options,
      'grpc.default_authority': 'localhost',
    });
  const name = serverNameCheck(target.grpcAddress);
  return new Client(target.grpcAddress, tlsCredentials(target.credentials, target.context, name.verify), {
    ...options,
    ...name.options,
  });
}

function tlsCredentials({ caPem, certificatePem, keyPem }: ClientCredentials, context: string, verify: VerifyOptions) {
  try {
    refuseOutdated(new X509Certificate(certificatePem), context);
    return credentials.createFromSecureContext(
      createSecureContext({ ca: caPem, cert: certificatePem, key: keyPem, minVersion: 'TLSv1.3' }),
      verify,
    );
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem(
      'CONTEXT_INVALID',
      `certificate or key of context "${context}" cannot be used: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/** The handshake would fail anyway, with a message that helps nobody. Five minutes of skew are the server's to judge. */
function refuseOutdated(certificate: X509Certificate, context: string): void {
  const skewMs = 5 * 60_000;
  const now = Date.now();
  if (now > certificate.validToDate.getTime() + skewMs)
    throw new Problem(
      'CREDENTIALS_EXPIRED',
      `the certificate of context "${context}" expired at ${certificate.validToDate.toISOString()}`,
    );
  if (now < certificate.validFromDate.getTime() - skewMs)
    throw new Problem(
      'CREDENTIALS_EXPIRED',
      `the certificate of context "${context}" is valid from ${certificate.validFromDate.toISOString()}; the clock here says ${new Date(now).toISOString()}`,
      { remedy: "Set this machine's clock." },
    );
}
