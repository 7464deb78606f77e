import { X509Certificate } from 'node:crypto';

/** What an agent proves itself with, as PEM text. */
export interface Identity {
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly caPem: string;
}

/** When the certificate should be renewed: at the middle of its life. Milliseconds since the epoch. */
export function renewAtMs(identity: Identity): number {
  const { validFromDate, validToDate } = new X509Certificate(identity.certificatePem);
  return (validFromDate.getTime() + validToDate.getTime()) / 2;
}
