import { isIPv6 } from 'node:net';
import { Problem } from '@seal/foundation';

export interface ServerAddresses {
  /** host:port of the session. */
  readonly grpc: string;
  /** host:port of blobs. */
  readonly https: string;
}

interface Endpoint {
  readonly host?: string | undefined;
  readonly grpcPort?: number | undefined;
  readonly httpsPort?: number | undefined;
}

/** Where the server is: the settings, else what enrolment wrote down, else the usual ports. Problem: AGENT_NOT_ENROLLED. */
export function serverAddresses(settings: Endpoint, enrolled: Endpoint | undefined): ServerAddresses {
  const host = settings.host ?? enrolled?.host;
  if (!host) throw new Problem('AGENT_NOT_ENROLLED', 'this host is not enrolled: the address of its server is not known');
  const name = isIPv6(host) ? `[${host}]` : host;
  return {
    grpc: `${name}:${settings.grpcPort ?? enrolled?.grpcPort ?? 7443}`,
    https: `${name}:${settings.httpsPort ?? enrolled?.httpsPort ?? 7444}`,
  };
}
