import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { keyDigest, makeCsr, readCsr } from './csr.ts';
import { createKeyPair } from './key-pair.ts';
import { Pkcs10CertificateRequestGenerator } from './x509.ts';

const refused = { code: 'CSR_INVALID' };

function pemOf(der: Uint8Array): string {
  const body = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

describe('certificate request', () => {
  it('gives the public key that signed it, and a digest of it that a retry repeats', async () => {
    const { privateKey } = await createKeyPair();
    const first = await readCsr(await makeCsr(privateKey, 'h1'));
    const again = await readCsr(await makeCsr(privateKey, 'another-name'));
    assert.equal(first.keyDigest, again.keyDigest);
    assert.equal(first.keyDigest, keyDigest(createPublicKey(privateKey)));
  });

  it('is refused with bytes behind its end, in the text or in the DER', async () => {
    const pem = await makeCsr((await createKeyPair()).privateKey, 'h1');
    await assert.rejects(readCsr(`${pem}x`), refused);
    await assert.rejects(readCsr(`x${pem}`), refused);
    await assert.rejects(readCsr(pem + pem), refused);
    await assert.rejects(readCsr(pemOf(Buffer.concat([derOf(pem), Buffer.of(0)]))), /bytes behind its end/);
  });

  it('is refused when larger than 8 KiB, empty, cut or no request at all', async () => {
    const pem = await makeCsr((await createKeyPair()).privateKey, 'h1');
    await assert.rejects(readCsr(pem + '\n'.repeat(9000)), /more than the 8192 allowed/);
    await assert.rejects(readCsr(''), refused);
    await assert.rejects(readCsr(pemOf(derOf(pem).subarray(0, 60))), refused);
    await assert.rejects(readCsr(pemOf(Buffer.from([0x30, 2, 5, 0]))), refused);
  });

  it('is refused when any byte of it was changed', async () => {
    const der = derOf(await makeCsr((await createKeyPair()).privateKey, 'h1'));
    for (let at = 0; at < der.length; at += 7) {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(readCsr(pemOf(changed)), refused, `byte ${at}`);
    }
  });

  it('is refused with a key of another curve or kind', async () => {
    const algorithms = [
      { key: generateKeyPairSync('ec', { namedCurve: 'P-384' }), name: 'ECDSA', namedCurve: 'P-384' },
      { key: generateKeyPairSync('rsa', { modulusLength: 2048 }), name: 'RSASSA-PKCS1-v1_5' },
    ];
    for (const { key, ...rest } of algorithms) {
      const algorithm = { ...rest, hash: 'SHA-256' };
      const keys = {
        privateKey: key.privateKey.toCryptoKey(algorithm, false, ['sign']),
        publicKey: key.publicKey.toCryptoKey(algorithm, true, ['verify']),
      };
      const request = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=h1', keys, signingAlgorithm: algorithm });
      await assert.rejects(readCsr(pemOf(Buffer.from(request.rawData))), /not ECDSA P-256/);
    }
  });
});
