import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { openStore } from '../store/image-store.ts';
import { proxySettings } from './proxy-settings.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { makeTestImage } from './test-images.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-proxy-'));
after(() => rm(root, { recursive: true, force: true }));

test('an environment names proxies in small or capital letters; this machine is never reached through one', () => {
  assert.equal(proxySettings({ NO_PROXY: 'a' }), undefined);
  assert.equal(proxySettings({ HTTPS_PROXY: '' }), undefined);
  assert.deepEqual(proxySettings({ HTTPS_PROXY: 'http://b:1', https_proxy: 'http://a:1', no_proxy: '.corp' }), {
    http_proxy: undefined,
    https_proxy: 'http://a:1',
    no_proxy: '.corp,localhost,127.0.0.1,[::1]',
  });
});

test('a proxy that is no address is refused without its words, which may be a password', () => {
  for (const HTTPS_PROXY of ['ada:secret@proxy', 'socks5://ada:secret@proxy:1080', 'secret'])
    assert.throws(
      () => proxySettings({ HTTPS_PROXY }),
      (thrown) => {
        assert.ok(thrown instanceof Problem && thrown.code === 'REGISTRY_CONFIG_INVALID');
        assert.doesNotMatch(JSON.stringify(thrown) + thrown.stack, /secret/);
        return true;
      },
    );
});

test('push and pull go through the proxy of the environment, and not where NO_PROXY says so', {
  skip: registryHindrance,
}, async () => {
  await using registry = await startTestRegistry({ tls: true });
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, client) => {
    asked.push(request.url ?? '');
    const upstream = net.connect(registry.port, '127.0.0.1', () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
  const options = { env: { HTTPS_PROXY }, home: root, insecure: true, retryMilliseconds: 10, tries: 1 };
  const store = await openStore(join(root, 'store'));
  const digest = await makeTestImage(store, 'registry.invalid/app:1', [1000]);
  await pushImage(store, 'registry.invalid/app:1', options);
  const other = await openStore(join(root, 'other'));
  assert.equal((await pullImage(other, 'registry.invalid/app:1', options)).digest, digest);
  assert.deepEqual([...new Set(asked)], ['registry.invalid:443']);
  const count = asked.length;
  assert.equal((await pullImage(other, `${registry.host}/app:1`, options)).digest, digest);
  const around = { ...options, env: { HTTPS_PROXY, NO_PROXY: 'registry.invalid' } };
  await assert.rejects(pullImage(other, 'registry.invalid/app:1', around), { code: 'REGISTRY_UNREACHABLE' });
  assert.equal(asked.length, count);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});
