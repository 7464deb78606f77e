import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type Clock, Problem, type Random, systemClock, systemRandom } from '@seal/foundation';
import { type Certificate, parseCertificate, spkiSha256 } from './certificate.ts';
import { createKeyPair, describeKeyPair } from './key-pair.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  X509Certificate as SignedCertificate,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from './x509.ts';

/** A certificate authority with its key in memory. */
export interface Authority {
  readonly certificatePem: string;
  /** "EC PRIVATE KEY", secret. */
  readonly privateKeyPem: string;
  readonly certificate: Certificate;
  /** SHA-256 of its SubjectPublicKeyInfo, base64url: the pin in bootstrap tokens. */
  readonly pin: string;
  /** The same, hex: kubeadm's discovery hash without its "sha256:". */
  readonly spkiSha256: string;
  /** Signs a leaf. Every field of it comes from `leaf`; nothing is taken from a CSR but the key. */
  issue(leaf: Leaf): Promise<Certificate>;
}

/** What a leaf certificate shall say. */
export interface Leaf {
  readonly publicKey: KeyObject;
  readonly commonName: string;
  readonly organization?: string;
  readonly usages: readonly ('client' | 'server')[];
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
  /** From now; cut to the authority's own end. It is valid from 5 minutes before now, for clocks that differ. */
  readonly lifetimeSeconds: number;
}

export interface NewAuthority {
  readonly commonName: string;
  readonly organization?: string;
  /** Default 10. */
  readonly years?: number;
  /** How many authorities may stand below it; default 0: it signs leaves only. */
  readonly pathLength?: number;
  /** Default: a new ECDSA P-256 key. */
  readonly privateKey?: KeyObject;
}

/** Where an authority takes time and serial numbers from; the machine's own by default. */
export interface AuthorityPorts {
  readonly clock: Clock;
  readonly random: Random;
}

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const backdatedMilliseconds = 5 * 60_000;
const yearMilliseconds = 365.25 * 24 * 3_600_000;
const machine: AuthorityPorts = { clock: systemClock, random: systemRandom };

/** Makes a self-signed authority (ECDSA P-256, SHA-256). */
export async function createAuthority(wanted: NewAuthority, ports: AuthorityPorts = machine): Promise<Authority> {
  const { privateKey, privateKeyPem } = wanted.privateKey ? describeKeyPair(wanted.privateKey) : await createKeyPair('ec');
  const publicKey = createPublicKey(privateKey);
  const now = ports.clock.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(ports.random),
    name: nameOf(wanted.commonName, wanted.organization),
    notBefore: new Date(now - backdatedMilliseconds),
    notAfter: new Date(now + (wanted.years ?? 10) * yearMilliseconds),
    keys: { privateKey: privateKey.toCryptoKey(signing, false, ['sign']), publicKey: verifyingKey(publicKey) },
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, wanted.pathLength ?? 0, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment,
        true,
      ),
      await SubjectKeyIdentifierExtension.create(verifyingKey(publicKey)),
    ],
  });
  return authorityOf(pemOf(certificate), privateKey, privateKeyPem, ports);
}

/** An authority from its files. Problem: CERTIFICATE_INVALID when it is none, or the key is not that of the certificate. */
export function loadAuthority(
  files: { readonly certificatePem: string; readonly privateKeyPem: string },
  ports: AuthorityPorts = machine,
): Authority {
  const privateKey = readPrivateKey(files.privateKeyPem);
  const certificate = parseCertificate(files.certificatePem);
  if (!certificate.isAuthority)
    throw new Problem('CERTIFICATE_INVALID', `the certificate of "${certificate.commonName}" is not that of an authority`);
  if (!certificate.x509.checkPrivateKey(privateKey))
    throw new Problem('CERTIFICATE_INVALID', `the key does not belong to the certificate of "${certificate.commonName}"`);
  return authorityOf(certificate.pem, privateKey, files.privateKeyPem, ports);
}

function authorityOf(certificatePem: string, privateKey: KeyObject, privateKeyPem: string, ports: AuthorityPorts): Authority {
  const certificate = parseCertificate(certificatePem);
  const { publicKey } = certificate.x509;
  const issuer = new SignedCertificate(certificatePem);
  const signingKey = privateKey.toCryptoKey(signing, false, ['sign']);
  return {
    certificatePem,
    privateKeyPem,
    certificate,
    pin: spkiSha256(publicKey, 'base64url'),
    spkiSha256: spkiSha256(publicKey, 'hex'),
    async issue(leaf) {
      const now = ports.clock.now();
      const signed = await X509CertificateGenerator.create({
        serialNumber: newSerial(ports.random),
        subject: nameOf(leaf.commonName, leaf.organization),
        issuer: issuer.subjectName,
        notBefore: new Date(Math.max(now - backdatedMilliseconds, certificate.notBefore)),
        notAfter: new Date(Math.min(now + leaf.lifetimeSeconds * 1000, certificate.notAfter)),
        publicKey: verifyingKey(leaf.publicKey),
        signingKey,
        signingAlgorithm: signing,
        extensions: await leafExtensions(leaf, issuer),
      });
      return parseCertificate(pemOf(signed));
    },
  };
}

async function leafExtensions(leaf: Leaf, issuer: SignedCertificate): Promise<Extension[]> {
  const oids = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' };
  const names: JsonGeneralName[] = [
    ...(leaf.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(leaf.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(leaf.usages.map((usage) => oids[usage])),
    await AuthorityKeyIdentifierExtension.create(issuer),
    await SubjectKeyIdentifierExtension.create(verifyingKey(leaf.publicKey)),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

/**
 * Only plain characters: the library reads a value with quotes in it as an expression of its own and would sign what stands inside.
 * Callers check names that come from outside; a name that arrives here with anything else is a bug.
 */
function nameOf(commonName: string, organization: string | undefined): Name {
  const plain = /^[A-Za-z0-9 .:@/_-]{1,128}$/;
  for (const value of [commonName, organization ?? 'none'])
    assert(plain.test(value), `a certificate subject may not hold ${JSON.stringify(value)}`);
  return new Name([...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }]);
}

function newSerial(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('hex');
}

function verifyingKey(publicKey: KeyObject) {
  return publicKey.toCryptoKey(signing, true, ['verify']);
}

function pemOf(certificate: SignedCertificate): string {
  return new X509Certificate(Buffer.from(certificate.rawData)).toString();
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Problem('CERTIFICATE_INVALID', 'what should be a private key is not one', { cause: error });
  }
}
