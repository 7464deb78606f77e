import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import type { Clock, Random } from '@seal/foundation';
import { createAuthority, createKeyPair, parseCertificate } from '@seal/pki';
import { silentLog } from '../testing/local-runner.ts';
import type { Identity } from './identity.ts';
import { keepRenewed } from './keep-renewed.ts';

const random: Random = { fraction: () => 0.5, bytes: (length) => new Uint8Array(length) };

async function identityFor(lifetimeSeconds: number): Promise<Identity> {
  const authority = await createAuthority({ commonName: 'test CA' });
  const { privateKeyPem, publicKeyPem } = await createKeyPair();
  const publicKey = createPublicKey(publicKeyPem);
  const { pem } = await authority.issue({ publicKey, commonName: 'node-1', usages: ['client'], lifetimeSeconds });
  return { keyPem: privateKeyPem, certificatePem: pem, caPem: authority.certificatePem };
}

/** Pauses of renewals that fail `failures` times, on a clock that jumps from timer to timer, from `from` on. */
async function pausesWhileFailing(identity: Identity, from: number, failures: number): Promise<number[]> {
  const pauses: number[] = [];
  let now = from;
  const stop = new AbortController();
  let tries = 0;
  const clock: Clock = {
    now: () => now,
    setTimer(milliseconds, callback) {
      if (tries > 0) pauses.push(milliseconds);
      now += milliseconds;
      queueMicrotask(callback);
      return () => undefined;
    },
  };
  const renew = async () => {
    tries += 1;
    if (tries > failures) return stop.abort();
    throw new Error('the server is away');
  };
  await keepRenewed({ identity: () => identity, renew, clock, random, log: silentLog }, stop.signal);
  return pauses;
}

test('a certificate that is still good is tried again every 5 minutes', async () => {
  const identity = await identityFor(24 * 3600);
  const { notBefore, notAfter } = parseCertificate(identity.certificatePem);
  assert.deepEqual(await pausesWhileFailing(identity, (notBefore + notAfter) / 2, 3), [300_000, 300_000, 300_000]);
});

test('one that has expired is tried again as often as the connection', async () => {
  const identity = await identityFor(3600);
  const { notAfter } = parseCertificate(identity.certificatePem);
  assert.deepEqual(await pausesWhileFailing(identity, notAfter + 1, 6), [1000, 2000, 4000, 8000, 15_000, 15_000]);
});
