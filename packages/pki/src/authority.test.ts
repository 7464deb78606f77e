import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Clock, systemRandom } from '@seal/foundation';
import { createAuthority, loadAuthority } from './authority.ts';
import { isTrustedLeaf, renewalTime } from './certificate.ts';
import { createKeyPair } from './key-pair.ts';
import { issueKubeconfigCertificate } from './kubeconfig-certificate.ts';

const start = Date.parse('2026-03-01T12:00:00Z');
const clock: Clock = { now: () => start, setTimer: () => () => undefined };
const ports = { clock, random: systemRandom };
const minute = 60_000;

describe('authority', () => {
  it('issues leaves that openssl verifies for their usage and for no other', async () => {
    const authority = await createAuthority({ commonName: 'seal' });
    const key = await createKeyPair();
    const publicKey = createPublicKey(key.privateKey);
    const leaf = await authority.issue({
      publicKey,
      commonName: 'server',
      usages: ['server'],
      dnsNames: ['seal.example'],
      addresses: ['10.77.1.10', 'fd00::1'],
      lifetimeSeconds: 3600,
    });
    const folder = mkdtempSync(join(tmpdir(), 'seal-pki-'));
    try {
      writeFileSync(join(folder, 'ca.crt'), authority.certificatePem);
      writeFileSync(join(folder, 'leaf.crt'), leaf.pem);
      const verify = (...flags: string[]) =>
        execFileSync(
          'openssl',
          ['verify', '-x509_strict', '-CAfile', join(folder, 'ca.crt'), ...flags, join(folder, 'leaf.crt')],
          {
            stdio: 'pipe',
          },
        ).toString();
      assert.match(verify('-purpose', 'sslserver', '-verify_ip', '10.77.1.10'), /: OK/);
      assert.match(verify('-purpose', 'sslserver', '-verify_ip', 'fd00::1'), /: OK/);
      assert.match(verify('-purpose', 'sslserver', '-verify_hostname', 'seal.example'), /: OK/);
      assert.throws(() => verify('-purpose', 'sslclient'));
      assert.throws(() => verify('-purpose', 'sslserver', '-verify_ip', '10.77.1.11'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('signs leaves only, is valid for the years asked, and comes back the same from its files', async () => {
    const made = await createAuthority({ commonName: 'kubernetes', years: 3 }, ports);
    assert.equal(made.certificate.isAuthority, true);
    assert.equal(made.certificate.notBefore, start - 5 * minute);
    assert.equal(made.certificate.notAfter - start, 3 * 365.25 * 24 * 60 * minute);
    assert.match(made.privateKeyPem, /^-----BEGIN EC PRIVATE KEY-----/);
    const loaded = loadAuthority(made);
    assert.equal(loaded.pin, made.pin);
    assert.equal(Buffer.from(loaded.pin, 'base64url').toString('hex'), loaded.spkiSha256);
  });

  it('gives every certificate a serial of its own, of 128 random bits', async () => {
    const authority = await createAuthority({ commonName: 'seal' });
    const publicKey = createPublicKey((await createKeyPair()).privateKey);
    const leaves = await Promise.all(
      Array.from({ length: 8 }, () => authority.issue({ publicKey, commonName: 'n', usages: ['client'], lifetimeSeconds: 60 })),
    );
    assert.equal(new Set(leaves.map((leaf) => leaf.serial)).size, 8);
    for (const leaf of leaves) assert.match(leaf.serial, /^[0-9a-f]{24,32}$/);
  });

  it('dates leaves back by five minutes and never lets them outlive it', async () => {
    const authority = await createAuthority({ commonName: 'seal', years: 1 }, ports);
    const publicKey = createPublicKey((await createKeyPair()).privateKey);
    const leaf = await authority.issue({ publicKey, commonName: 'n', usages: ['client'], lifetimeSeconds: 10 ** 9 });
    assert.equal(leaf.notBefore, start - 5 * minute);
    assert.equal(leaf.notAfter, authority.certificate.notAfter);
  });

  it('signs no name with characters that the library would read as more than text', async () => {
    const authority = await createAuthority({ commonName: 'seal' });
    const publicKey = createPublicKey((await createKeyPair()).privateKey);
    for (const commonName of ['a, O=seal:admin', 'a"seal:admin"', 'a+O=b', '#0c0161', 'a\\,b', 'a\nb', ''])
      await assert.rejects(authority.issue({ publicKey, commonName, usages: ['client'], lifetimeSeconds: 60 }), {
        name: 'AssertionError',
      });
  });

  it('refuses files of which the key is not that of the certificate', async () => {
    const one = await createAuthority({ commonName: 'one' });
    const other = await createAuthority({ commonName: 'other' });
    assert.throws(() => loadAuthority({ certificatePem: one.certificatePem, privateKeyPem: other.privateKeyPem }), {
      code: 'CERTIFICATE_INVALID',
    });
  });
});

describe('certificate', () => {
  it('is trusted from its authority only, for its usage only, and within its time', async () => {
    const authority = await createAuthority({ commonName: 'seal' }, ports);
    const other = await createAuthority({ commonName: 'seal' }, ports);
    const publicKey = createPublicKey((await createKeyPair()).privateKey);
    const leaf = await authority.issue({ publicKey, commonName: 'n', usages: ['client'], lifetimeSeconds: 600 });
    const ca = authority.certificate.x509;
    assert.equal(isTrustedLeaf(leaf, ca, 'client', start), true);
    assert.equal(isTrustedLeaf(leaf, ca, 'client', start - 5 * minute), true);
    assert.equal(isTrustedLeaf(leaf, ca, 'client', start - 6 * minute), false);
    assert.equal(isTrustedLeaf(leaf, ca, 'client', start + 10 * minute), false);
    assert.equal(isTrustedLeaf(leaf, ca, 'client', start + 10 * minute, minute), true);
    assert.equal(isTrustedLeaf(leaf, ca, 'server', start), false);
    assert.equal(isTrustedLeaf(leaf, other.certificate.x509, 'client', start), false);
    assert.equal(isTrustedLeaf(authority.certificate, ca, 'client', start), false);
  });

  it('is renewed between four and five tenths of its life', () => {
    const life = { notBefore: 1000, notAfter: 11_000 };
    const at = (fraction: number) => renewalTime(life, { bytes: (count) => new Uint8Array(count), fraction: () => fraction });
    assert.equal(at(0), 6000);
    assert.equal(at(0.999999), 5000);
  });
});

describe('key pair and kubeconfig certificate', () => {
  it('writes keys in the forms that kubeadm of every version reads', async () => {
    assert.match((await createKeyPair('ec')).privateKeyPem, /^-----BEGIN EC PRIVATE KEY-----/);
    const rsa = await createKeyPair('rsa');
    assert.match(rsa.privateKeyPem, /^-----BEGIN RSA PRIVATE KEY-----/);
    assert.match(rsa.publicKeyPem, /^-----BEGIN PUBLIC KEY-----/);
  });

  it("gives a kubeconfig's administrator the group system:masters", async () => {
    const cluster = await createAuthority({ commonName: 'kubernetes' });
    const client = await issueKubeconfigCertificate(cluster, { lifetimeSeconds: 3600 });
    const subject = new X509Certificate(client.certificatePem).subject;
    assert.equal(subject, 'O=system:masters\nCN=kubernetes-admin');
  });
});
