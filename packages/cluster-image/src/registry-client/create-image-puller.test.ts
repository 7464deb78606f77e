import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Problem, sha256Digest } from '@seal/foundation';
import type { ImagePuller } from '../build/container-images/collect-images.ts';
import { parseReference } from '../reference/parse-reference.ts';
import { openStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import { createImagePuller } from './create-image-puller.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { pushImage } from './push-image.ts';
import { registryLogin } from './registry-login.ts';
import { makeTestImage } from './test-images.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-puller-'));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;
const freshStore = () => {
  count += 1;
  return openStore(join(root, `store-${count}`));
};
const amd64 = { os: 'linux', arch: 'amd64' } as const;
const arm64 = { os: 'linux', arch: 'arm64' } as const;
const fails = (code: string, pattern: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof Problem, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  assert.match(thrown.message, pattern);
  return true;
};

describe('container images for a build', { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry();
  after(() => registry[Symbol.asyncDispose]());
  const options = { env: {}, home: root, insecure: true, retryMilliseconds: 10, tries: 2 };
  const author = await freshStore();
  const manifests = new Map<string, { digest: string; size: number }>();
  for (const types of ['oci', 'docker'] as const)
    for (const arch of ['amd64', 'arm64']) {
      const name = `${registry.host}/${types}/app:${arch}`;
      const digest = await makeTestImage(author, name, [200_000, 10], arch, types);
      await pushImage(author, name, options);
      manifests.set(`${types} ${arch}`, { digest, size: (await author.blobSize(digest)) ?? 0 });
    }
  const putIndex = async (types: 'oci' | 'docker'): Promise<string> => {
    const mediaType = types === 'oci' ? mediaTypes.index : mediaTypes.dockerIndex;
    const image = types === 'oci' ? mediaTypes.manifest : mediaTypes.dockerManifest;
    const entries = ['amd64', 'arm64'].map((architecture) => ({
      mediaType: image,
      ...manifests.get(`${types} ${architecture}`),
      platform: { os: 'linux', architecture },
    }));
    const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries });
    const url = `http://${registry.host}/v2/${types}/app/manifests/1`;
    const reply = await fetch(url, { method: 'PUT', headers: { 'content-type': mediaType }, body: text });
    assert.equal(reply.status, 201, await reply.text());
    return sha256Digest(text);
  };
  const indexes = { oci: await putIndex('oci'), docker: await putIndex('docker') };
  const reference = (text: string) => parseReference(`${registry.host}/${text}`);

  for (const types of ['oci', 'docker'] as const) {
    test(`come out of an index of the kind ${types} for one platform, every blob, without a name`, async () => {
      const store = await freshStore();
      const puller: ImagePuller = createImagePuller(options);
      const descriptor = await puller.pullImage(reference(`${types}/app:1`), arm64, store);
      const mediaType = types === 'oci' ? mediaTypes.manifest : mediaTypes.dockerManifest;
      const platform = { os: 'linux', architecture: 'arm64' };
      assert.deepEqual(descriptor, { mediaType, ...manifests.get(`${types} arm64`), platform });
      const { config, layers } = await store.readManifest(descriptor.digest);
      for (const { digest, size } of [config, ...layers]) assert.equal(await store.blobSize(digest), size);
      assert.deepEqual(await store.list(), []);
      assert.deepEqual((await store.check()).findings, []);
    });
  }

  test('asked for by the digest of an index come with that index', async () => {
    const store = await freshStore();
    await createImagePuller(options).pullImage(reference(`docker/app@${indexes.docker}`), amd64, store);
    assert.notEqual(await store.blobSize(indexes.docker), undefined);
  });

  test('without an index are taken for their own platform and refused for another', async () => {
    const puller = createImagePuller(options);
    const { digest } = await puller.pullImage(reference('docker/app:amd64'), amd64, await freshStore());
    assert.equal(digest, manifests.get('docker amd64')?.digest);
    await assert.rejects(
      puller.pullImage(reference('docker/app:amd64'), arm64, await freshStore()),
      fails('IMAGE_ARCH_MISMATCH', /docker\/app:amd64 is for linux\/amd64 alone; linux\/arm64 was asked for/),
    );
  });

  test('that are missing are told with their name and the registry, and a clean-up takes what a failed pull left', async () => {
    const store = await freshStore();
    const puller = createImagePuller(options);
    await assert.rejects(
      puller.pullImage(reference('none/such:7'), amd64, store),
      (thrown) =>
        fails('IMAGE_NOT_FOUND', /none\/such with 7/)(thrown) && fails('IMAGE_NOT_FOUND', new RegExp(registry.host))(thrown),
    );
    await assert.rejects(puller.pullImage(reference('oci/app:amd64'), arm64, store), Problem);
    await store.collectGarbage();
    const { blobs, findings } = await store.check();
    assert.deepEqual([blobs, findings], [0, []]);
  });

  test('share what is under way: a blob that several want at once moves once', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const store = await freshStore();
    const puller = createImagePuller(options);
    const names = Array.from({ length: 6 }, () => parseReference(`${proxy.host}/oci/app:1`));
    const progress = await Promise.all(names.map((name) => puller.pullImage(name, amd64, store)));
    assert.equal(new Set(progress.map(({ digest }) => digest)).size, 1);
    // One image has 200 kB that do not compress; what else moves is headers and manifests.
    assert.ok(proxy.moved.down < 300_000, `${proxy.moved.down} bytes came`);
  });

  test('stay what they are while the session of a build is open, though nobody names them', async () => {
    const store = await freshStore();
    const build = await store.openSession('build');
    const { digest } = await createImagePuller(options).pullImage(reference('oci/app:1'), amd64, store);
    await store.collectGarbage();
    assert.equal((await store.readManifest(digest)).layers.length, 2);
    await build.close();
  });

  test('use mirrors, and warn of one that is gone once, however many images it was asked for', async () => {
    const settingsFile = join(root, 'registries.yaml');
    await writeFile(
      settingsFile,
      `registries:\n  hub.invalid:\n    mirrors:\n      - {address: "127.0.0.1:1", insecure: true}\n      - {address: "${registry.host}", insecure: true}\n`,
    );
    const warnings: string[] = [];
    const puller = createImagePuller({ ...options, tries: 1, settingsFile, onWarning: (text) => warnings.push(text) });
    const store = await freshStore();
    await puller.pullImage(parseReference('hub.invalid/oci/app:1'), amd64, store);
    await puller.pullImage(parseReference('hub.invalid/oci/app:1'), arm64, store);
    assert.equal(warnings.filter((text) => /the mirror 127\.0\.0\.1:1 is left out/.test(text)).length, 1, warnings.join('\n'));
  });
});

test('container images of a registry with password come with the credentials of the file', {
  skip: registryHindrance,
}, async () => {
  await using registry = await startTestRegistry({ htpasswd: true });
  const options = { env: {}, home: join(root, 'home'), insecure: true, retryMilliseconds: 10 };
  await registryLogin(registry.host, { username: 'ada', password: 'lovelace' }, options);
  const author = await freshStore();
  const digest = await makeTestImage(author, `${registry.host}/app:1`, [1000]);
  await pushImage(author, `${registry.host}/app:1`, options);
  const name = parseReference(`${registry.host}/app:1`);
  assert.equal((await createImagePuller(options).pullImage(name, amd64, await freshStore())).digest, digest);
  const nobody = createImagePuller({ ...options, home: join(root, 'nobody') });
  await assert.rejects(nobody.pullImage(name, amd64, await freshStore()), fails('REGISTRY_UNAUTHORIZED', /tried: none/));
});
