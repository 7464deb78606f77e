import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { Problem, type Random } from '@seal/foundation';

/** A certificate as Seal looks at it. Times in ms since the epoch. */
export interface Certificate {
  readonly pem: string;
  readonly x509: X509Certificate;
  /** Lower-case hex without leading zeros: the form of the deny list and the audit. */
  readonly serial: string;
  /** Empty when the subject has none. */
  readonly commonName: string;
  /** Empty when the subject has none. */
  readonly organization: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  /** Extended key usages. */
  readonly usages: readonly ('client' | 'server')[];
}

const usageOids = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;

/** Reads one certificate, PEM or DER. Problem: CERTIFICATE_INVALID. */
export function parseCertificate(raw: string | Uint8Array): Certificate {
  const x509 = read(raw);
  const oids: readonly string[] = x509.keyUsage ?? [];
  const subject = x509.toLegacyObject().subject;
  return {
    pem: x509.toString(),
    x509,
    serial: normalizeSerial(x509.serialNumber),
    commonName: only(subject.CN),
    organization: only(subject.O),
    notBefore: x509.validFromDate.getTime(),
    notAfter: x509.validToDate.getTime(),
    isAuthority: x509.ca,
    usages: (['client', 'server'] as const).filter((usage) => oids.includes(usageOids[usage])),
  };
}

/** The one spelling of a serial number: lower-case hex, no leading zeros. */
export function normalizeSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '');
}

/** SHA-256 of the SubjectPublicKeyInfo: base64url is the pin of bootstrap tokens, base64 curl's --pinnedpubkey, hex kubeadm's discovery hash. */
export function spkiSha256(publicKey: KeyObject, encoding: 'base64url' | 'base64' | 'hex'): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest(encoding);
}

/**
 * Whether `certificate` was signed by exactly this authority, for this usage, and is valid at `now` (ms).
 * `expiredForMilliseconds` admits one that expired at most that long ago: the bounded way back of an agent that was off.
 */
export function isTrustedLeaf(
  certificate: Certificate,
  authority: X509Certificate,
  usage: 'client' | 'server',
  now: number,
  expiredForMilliseconds = 0,
): boolean {
  return (
    !certificate.isAuthority &&
    certificate.usages.includes(usage) &&
    certificate.notBefore <= now &&
    now < certificate.notAfter + expiredForMilliseconds &&
    certificate.x509.checkIssued(authority) &&
    certificate.x509.verify(authority.publicKey)
  );
}

/**
 * When to renew, ms since the epoch: at half of its life, minus a random tenth of its life so that nodes enrolled together do not come
 * back together.
 */
export function renewalTime(certificate: Pick<Certificate, 'notBefore' | 'notAfter'>, random: Random): number {
  const life = certificate.notAfter - certificate.notBefore;
  return Math.floor(certificate.notBefore + life * (0.5 - 0.1 * random.fraction()));
}

function read(raw: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(raw);
  } catch (error) {
    throw new Problem('CERTIFICATE_INVALID', 'what should be a certificate is not one', { cause: error });
  }
}

/** A subject with the same attribute twice is not ours; it names nobody. */
function only(values: string | string[] | undefined): string {
  return typeof values === 'string' ? values : '';
}
