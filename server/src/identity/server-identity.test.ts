import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemRandom } from '@seal/foundation';
import { createAuthority, parseCertificate } from '@seal/pki';
import { ServerIdentity } from './server-identity.ts';

const day = 24 * 3_600_000;

describe('server identity', () => {
  let pkiDirectory: string;
  let now: number;
  let timer: { milliseconds: number; callback: () => void } | undefined;
  const clock = {
    now: () => now,
    setTimer: (milliseconds: number, callback: () => void) => {
      timer = { milliseconds, callback };
      return () => {
        timer = undefined;
      };
    },
  };
  const open = (addresses: string[] = ['10.77.1.10', 'seal.example']) =>
    ServerIdentity.open({ pkiDirectory, addresses, clock, random: systemRandom });

  beforeEach(() => {
    pkiDirectory = join(mkdtempSync(join(tmpdir(), 'seal-identity-')), 'pki');
    now = Date.parse('2026-03-01T00:00:00Z');
    timer = undefined;
  });
  afterEach(() => rmSync(join(pkiDirectory, '..'), { recursive: true }));

  it('is made on the first start, with keys that only its owner can read, and is the same on the next', async () => {
    const first = await open();
    assert.deepEqual(readdirSync(pkiDirectory).sort(), ['ca.crt', 'ca.key', 'server.crt', 'server.key']);
    for (const key of ['ca.key', 'server.key']) assert.equal(statSync(join(pkiDirectory, key)).mode & 0o777, 0o600);
    assert.equal(statSync(pkiDirectory).mode & 0o777, 0o700);
    const second = await open();
    assert.deepEqual([second.caPem, second.certificatePem], [first.caPem, first.certificatePem]);
  });

  it('names its addresses, and gets a new certificate with the same key when they change', async () => {
    const first = await open();
    const { x509 } = parseCertificate(first.certificatePem);
    for (const address of ['10.77.1.10', '127.0.0.1', '::1']) assert.ok(x509.checkIP(address), address);
    for (const name of ['seal.example', 'localhost']) assert.ok(x509.checkHost(name), name);
    const moved = await open(['10.77.1.11']);
    assert.ok(parseCertificate(moved.certificatePem).x509.checkIP('10.77.1.11'));
    assert.equal(moved.serverSpkiPin, first.serverSpkiPin);
    assert.equal(moved.caPem, first.caPem);
  });

  it('renews itself around half of its life and keeps its pin', async () => {
    const identity = await open();
    const before = identity.certificatePem;
    const pin = identity.serverSpkiPin;
    const seen: string[] = [];
    const renewed = new Promise<void>((resolve) => {
      identity.keepRenewed(
        () => {
          seen.push('renewed');
          resolve();
        },
        (error) => assert.fail(String(error)),
      );
    });
    now += 11 * day;
    timer?.callback();
    assert.deepEqual(seen, []);
    now += 4 * day;
    timer?.callback();
    await renewed;
    assert.notEqual(identity.certificatePem, before);
    assert.equal(identity.serverSpkiPin, pin);
    assert.ok(identity.expiresAt > now + 29 * day);
  });

  it('mends a crash between key and certificate of the first start', async () => {
    const first = await open();
    rmSync(join(pkiDirectory, 'ca.crt'));
    rmSync(join(pkiDirectory, 'server.crt'));
    assert.equal((await open()).authority.pin, first.authority.pin);
  });

  it('refuses to start with an authority of which a part is missing or foreign', async () => {
    await open();
    const foreign = await createAuthority({ commonName: 'other' });
    writeFileSync(join(pkiDirectory, 'ca.crt'), foreign.certificatePem);
    await assert.rejects(open(), { code: 'PKI_DAMAGED' });
    writeFileSync(join(pkiDirectory, 'ca.crt'), 'garbage');
    await assert.rejects(open(), { code: 'PKI_DAMAGED' });
    rmSync(join(pkiDirectory, 'ca.key'));
    await assert.rejects(open(), { code: 'PKI_DAMAGED' });
  });
});
