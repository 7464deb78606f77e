import { Problem } from '@seal/foundation';
import { parseCertificate, spkiSha256 } from '@seal/pki';

const onePem = /^\s*-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/;

/**
 * The server's CA out of what somebody sent, PEM written anew: it is exactly one certificate, of an authority, and its key has the pin
 * that the token names. Nothing else that was sent is kept. Problem: PIN_MISMATCH.
 */
export function readPinnedAuthority(received: string, pin: string, server: string): string {
  if (!onePem.test(received)) throw mismatch(server, 'something else than one certificate');
  const certificate = parse(received, server);
  if (!certificate.isAuthority) throw mismatch(server, 'the certificate of something that is no certificate authority');
  const found = spkiSha256(certificate.x509.publicKey, 'base64url');
  if (found !== pin) throw mismatch(server, `a certificate authority with the pin ${found}, but the token pins ${pin}`);
  return certificate.pem;
}

function parse(received: string, server: string) {
  try {
    return parseCertificate(received);
  } catch (error) {
    throw mismatch(server, 'something that is no certificate', error);
  }
}

function mismatch(server: string, what: string, cause?: unknown): Problem {
  return new Problem('PIN_MISMATCH', `the server ${server} showed ${what}`, cause === undefined ? {} : { cause });
}
