import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Problem } from '@seal/foundation';
import { openStore } from '../store/image-store.ts';
import { makeHttpSender } from './http-send.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { registryCertificates } from './registry-certificates.ts';
import { makeTestImage } from './test-images.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-client-certificates-'));
after(() => rm(root, { recursive: true, force: true }));
const options = { env: {}, home: root, retryMilliseconds: 10, tries: 1 };
const invalid = (pattern: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof Problem && thrown.code === 'REGISTRY_CONFIG_INVALID', String(thrown));
  assert.match(thrown.message, pattern);
  assert.doesNotMatch(JSON.stringify(thrown), /PRIVATE KEY/);
  return true;
};

describe("Debian's docker-registry that asks for client certificates", { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry({ tls: true, clientCertificates: true });
  after(() => registry[Symbol.asyncDispose]());
  const store = await openStore(join(root, 'store'));
  const name = `${registry.host}/app:1`;
  const digest = await makeTestImage(store, name, [1000]);

  test('lets nobody in who shows none', async () => {
    await assert.rejects(pushImage(store, name, { ...options, caFile: registry.caFile }), (thrown) => {
      assert.ok(thrown instanceof Problem && thrown.code === 'REGISTRY_UNREACHABLE', String(thrown));
      assert.match(thrown.remedy, /client certificate.*--cert-dir/);
      return true;
    });
  });

  test('takes the pair of --cert-dir, and the authority that lies beside it', async () => {
    await pushImage(store, name, { ...options, certDirectory: registry.certDirectory });
    const other = await openStore(join(root, 'other'));
    assert.equal((await pullImage(other, name, { ...options, certDirectory: registry.certDirectory })).digest, digest);
  });

  test("takes the pair of certs.d in the user's configuration", async () => {
    await cp(registry.certDirectory, join(root, '.config/containers/certs.d', registry.host), { recursive: true });
    assert.equal((await pullImage(store, name, options)).digest, digest);
  });

  test('a pair that is not whole, not one, or no certificate is told with its files, without a word of the key', async () => {
    const pair = join(root, 'pair');
    const use = () => registryCertificates('r.example', { ...options, certDirectory: pair });
    await assert.rejects(use(), invalid(/cannot read .*pair: ENOENT/));
    await mkdir(pair);
    await cp(join(registry.certDirectory, 'client.cert'), join(pair, 'me.cert'));
    await assert.rejects(use(), invalid(/beside .*me\.cert there is no key .*me\.key/));
    await cp(join(registry.certDirectory, '../tls.key'), join(pair, 'me.key'));
    await assert.rejects(use(), invalid(/me\.key is not that of .*me\.cert/));
    await writeFile(join(pair, 'me.key'), 'no key');
    await assert.rejects(use(), invalid(/me\.cert and its key cannot be used/));
    await rm(join(pair, 'me.cert'));
    await assert.rejects(use(), invalid(/there is no certificate me\.cert/));
  });

  test('the pair is shown to the host of the registry alone', async () => {
    const { caPem, client } = await registryCertificates('r.example', { ...options, certDirectory: registry.certDirectory });
    const [cert, key] = await Promise.all(
      ['tls.crt', 'tls.key'].map((file) => readFile(join(registry.certDirectory, '..', file))),
    );
    const seen: string[] = [];
    const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, reply) => {
      seen.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString() ?? 'nobody');
      reply.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const hostname of ['127.0.0.1', 'elsewhere.example']) {
      const sender = makeHttpSender({ caPem, verify: true, client: { hostname, certificates: client } });
      const reply = await sender.send({ method: 'GET', url: new URL(`https://127.0.0.1:${port}/`), headers: {} });
      reply.body.resume();
      sender.close();
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(seen, ['ada', 'nobody']);
  });
});
