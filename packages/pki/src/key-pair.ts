import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { spkiSha256 } from './certificate.ts';

const generate = promisify(generateKeyPair);

export interface KeyPair {
  readonly privateKey: KeyObject;
  /**
   * In the traditional form of its kind: "EC PRIVATE KEY" (SEC1) or "RSA PRIVATE KEY" (PKCS#1), which kubeadm of every version reads.
   * Secret; store it with mode 0600.
   */
  readonly privateKeyPem: string;
  /** "PUBLIC KEY" (SubjectPublicKeyInfo). */
  readonly publicKeyPem: string;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly spkiSha256: string;
}

/**
 * A new key pair. `ec` is ECDSA P-256, for everything of Seal's own. `rsa` is RSA 2048, for Kubernetes' service account key:
 * a control-plane join of kubeadm 1.20 reads that one as RSA only.
 */
export async function createKeyPair(kind: 'ec' | 'rsa' = 'ec'): Promise<KeyPair> {
  const { privateKey } =
    kind === 'ec' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 2048 });
  return describeKeyPair(privateKey);
}

/** The forms of a private key that is already there. */
export function describeKeyPair(privateKey: KeyObject): KeyPair {
  const publicKey = createPublicKey(privateKey);
  const type = privateKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
  return {
    privateKey,
    privateKeyPem: privateKey.export({ type, format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    spkiSha256: spkiSha256(publicKey, 'hex'),
  };
}
