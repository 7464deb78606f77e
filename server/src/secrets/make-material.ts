import { randomInt } from 'node:crypto';
import { createAuthority, createKeyPair } from '@seal/pki';
import type { MakeMaterial } from './material.ts';

const tokenAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Makes the secrets of a cluster. A CA is ECDSA P-256, ten years. A key pair is RSA 2048: Kubernetes' service account key, which a control-plane
 * join of kubeadm 1.20 reads as RSA only. A bootstrap token is `[a-z0-9]{6}.[a-z0-9]{16}`.
 */
export const makeMaterial: MakeMaterial = async (spec) => {
  switch (spec.kind) {
    case 'ca': {
      const authority = await createAuthority({ commonName: spec.commonName ?? spec.ref });
      const { certificatePem, privateKeyPem, spkiSha256 } = authority;
      return { secret: Buffer.from(privateKeyPem), public: { certificatePem, spkiSha256 } };
    }
    case 'key-pair': {
      const { privateKeyPem, publicKeyPem, spkiSha256 } = await createKeyPair('rsa');
      return { secret: Buffer.from(privateKeyPem), public: { publicKeyPem, spkiSha256 } };
    }
    case 'bootstrap-token':
      return { secret: Buffer.from(`${randomText(6)}.${randomText(16)}`), public: {} };
    case 'text':
      return { secret: Buffer.from(randomText(50)), public: {} };
  }
};

function randomText(length: number): string {
  return Array.from({ length }, () => tokenAlphabet[randomInt(tokenAlphabet.length)]).join('');
}
