import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { systemClock, systemRandom } from '@seal/foundation';
import { createAuthority, createKeyPair } from '@seal/pki';
import { openContextStore, serverProto } from '@seal/protocol';
import { capturedRun } from './captured-run.ts';

/** sealctl against a gRPC server over real TLS on loopback, which demands a client certificate. */
const home = await mkdtemp(join(tmpdir(), 'sealctl-remote-'));
after(() => rm(home, { recursive: true }));
const store = openContextStore(join(home, '.config/seal'));
const ca = await createAuthority({ commonName: 'Seal CA' });
const serverKey = await createKeyPair();
const serverLeaf = await ca.issue({
  publicKey: createPublicKey(serverKey.privateKey),
  commonName: 'seal-server',
  usages: ['server'],
  addresses: ['127.0.0.1'],
  lifetimeSeconds: 3600,
});
const server = new Server();
after(() => server.forceShutdown());
server.addService(serverProto.ServerServiceService, {
  getVersion: (_call: unknown, reply: (error: null, value: serverProto.GetVersionReply) => void) =>
    reply(null, { version: '9.9.9', grpcAddress: '', httpsAddress: '', startedAtMs: 1, epoch: 1 }),
});
const port = await new Promise<number>((resolve, reject) =>
  server.bindAsync(
    '127.0.0.1:0',
    ServerCredentials.createSsl(
      Buffer.from(ca.certificatePem),
      [{ private_key: Buffer.from(serverKey.privateKeyPem), cert_chain: Buffer.from(serverLeaf.pem) }],
      true,
    ),
    (error, bound) => (error ? reject(error) : resolve(bound)),
  ),
);

/** A context whose certificate is from `authority`, and which trusts `trusted`. */
async function context(name: string, { authority = ca, trusted = ca, host = '127.0.0.1' } = {}): Promise<void> {
  const key = await createKeyPair();
  const leaf = await authority.issue({
    publicKey: createPublicKey(key.privateKey),
    commonName: 'ada',
    organization: 'seal:admin',
    usages: ['client'],
    lifetimeSeconds: 3600,
  });
  const credentials = { caPem: trusted.certificatePem, certificatePem: leaf.pem, keyPem: key.privateKeyPem };
  await store.write({ name, grpcAddress: `${host}:${port}`, httpsAddress: `${host}:1`, credentials });
}

const version = (name: string) => capturedRun(['version', '--remote', '--context', name], { home });

test('a server is reached over mTLS by its address', async () => {
  await context('good');
  const { code, stdout, stderr } = await version('good');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /\nserver {2}9\.9\.9 \(127\.0\.0\.1:\d+\)\n$/);
});

test('a server whose certificate is from another CA is refused', async () => {
  await context('other-ca', { trusted: await createAuthority({ commonName: 'Other CA' }) });
  const { code, stderr } = await version('other-ca');
  assert.equal(code, 7);
  assert.match(stderr, /^SERVER_UNREACHABLE: .*127\.0\.0\.1:\d+.*\nThe server's certificate is not from the CA of this context/);
});

test('a server whose certificate is not for the address is refused', async () => {
  await context('other-address', { host: 'localhost' });
  const { code, stderr } = await version('other-address');
  assert.equal(code, 7);
  assert.match(stderr, /not for this address/);
});

test('a certificate that the server does not know gives no answer', async () => {
  await context('stranger', { authority: await createAuthority({ commonName: 'Other CA' }) });
  assert.equal((await version('stranger')).code, 7);
});

test('a certificate that has expired is told before anything is sent', async () => {
  const longAgo = { ...systemClock, now: () => Date.now() - 10 * 24 * 3_600_000 };
  await context('old', { authority: await createAuthority({ commonName: 'Seal CA' }, { clock: longAgo, random: systemRandom }) });
  const { code, stderr } = await version('old');
  assert.equal(code, 6);
  assert.match(stderr, /^CREDENTIALS_EXPIRED: the certificate of context "old" expired at 20/);
});
