import { createPublicKey, type KeyObject } from 'node:crypto';
import { Problem } from '@seal/foundation';
import { spkiSha256 } from './certificate.ts';
import { Pkcs10CertificateRequest, Pkcs10CertificateRequestGenerator } from './x509.ts';

/** A certificate request, PEM. */
export const csrBytesMax = 8 * 1024;

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const block = /^-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\r?\n?$/;

/** Asks for a certificate for a key. The name is only for people who look at the request: the server writes the subject itself. */
export async function makeCsr(privateKey: KeyObject, commonName: string): Promise<string> {
  const keys = {
    privateKey: privateKey.toCryptoKey(signing, false, ['sign']),
    publicKey: createPublicKey(privateKey).toCryptoKey(signing, true, ['verify']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: signing,
  });
  return `${request.toString('pem')}\n`;
}

/**
 * The public key of an untrusted certificate request, and nothing else of it. The request is at most 8 KiB, exactly one PEM block
 * without anything before or after it (in the text and in the DER), its key is ECDSA P-256, and it is signed by that key.
 * Problem: CSR_INVALID.
 */
export async function readCsr(pem: string): Promise<{ readonly publicKey: KeyObject; readonly keyDigest: string }> {
  if (Buffer.byteLength(pem) > csrBytesMax)
    throw refuse(`it has ${Buffer.byteLength(pem)} bytes, more than the ${csrBytesMax} allowed`);
  const body = block.exec(pem)?.[1];
  if (body === undefined) throw refuse('it is not exactly one PEM block "CERTIFICATE REQUEST"');
  const der = Buffer.from(body, 'base64');
  if (sequenceBytes(der) !== der.length) throw refuse('there are bytes behind its end');
  const request = parse(der);
  const publicKey = keyOf(request);
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw refuse('its key is not ECDSA P-256');
  if (!(await isSignedByItsKey(request))) throw refuse('its signature is not of its own key');
  return { publicKey, keyDigest: keyDigest(publicKey) };
}

/** `sha256:…` of the SubjectPublicKeyInfo: the request id of an enrolment, so that a retry is known as one. */
export function keyDigest(publicKey: KeyObject): string {
  return `sha256:${spkiSha256(publicKey, 'hex')}`;
}

function parse(der: Buffer): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(der);
  } catch (error) {
    throw refuse('it is not PKCS#10', error);
  }
}

function keyOf(request: Pkcs10CertificateRequest): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
  } catch (error) {
    throw refuse('its public key cannot be read', error);
  }
}

async function isSignedByItsKey(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch (error) {
    throw refuse('its signature cannot be checked', error);
  }
}

/** Whole length of the DER SEQUENCE at the start, or -1. Node and the parser stop at its end and would not see what follows. */
function sequenceBytes(der: Buffer): number {
  const first = der[1];
  if (der[0] !== 0x30 || first === undefined) return -1;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  if (count < 1 || count > 3 || der.length < 2 + count) return -1;
  return 2 + count + der.readUIntBE(2, count);
}

function refuse(why: string, cause?: unknown): Problem {
  return new Problem('CSR_INVALID', `the certificate request is refused: ${why}`, cause === undefined ? {} : { cause });
}
