import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { openStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { makeTestImage, makeTestIndex } from './test-images.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-index-'));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;
const freshStore = () => {
  count += 1;
  return openStore(join(root, `store-${count}`));
};
const skopeoHindrance = existsSync('/usr/bin/skopeo') ? undefined : 'SKIPPED: skopeo is not installed (apt-get install skopeo)';
const options = { env: {}, home: root, insecure: true, retryMilliseconds: 10 };

describe('an index of several platforms and a registry', { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry();
  after(() => registry[Symbol.asyncDispose]());
  const author = await freshStore();
  const name = `${registry.host}/team/both:1`;
  const digest = await makeTestIndex(author, name, [300_000, 20]);
  const images = await Promise.all(['amd64', 'arm64'].map((arch) => author.inspect(name, arch)));
  const arm64 = images[1]?.digest ?? '';

  test('goes there whole, and comes back whole with the same digest', async () => {
    const pushed = await pushImage(author, name, options);
    assert.deepEqual([pushed.digest, pushed.platforms.map(({ arch }) => arch)], [digest, ['amd64', 'arm64']]);
    assert.equal(pushed.sentBlobs, 6);
    const store = await freshStore();
    const pulled = await pullImage(store, name, { ...options, platforms: 'all' });
    assert.deepEqual([pulled.digest, pulled.arch, pulled.movedBlobs], [digest, 'amd64,arm64', 6]);
    assert.equal((await store.inspect(name, 'arm64')).digest, arm64);
    assert.deepEqual((await store.check()).findings, []);
    assert.equal((await pushImage(author, name, options)).sentBlobs, 0);
    assert.equal((await pullImage(store, name, { ...options, platforms: 'all' })).movedBlobs, 0);
  });

  test('keeps its digest when all of its platforms are named, and gives one image when one is', async () => {
    const store = await freshStore();
    assert.equal((await pullImage(store, name, { ...options, platforms: ['arm64', 'amd64'] })).digest, digest);
    const one = await pullImage(await freshStore(), name, { ...options, platforms: ['arm64'] });
    assert.deepEqual([one.digest, one.platforms], [arm64, [{ os: 'linux', arch: 'arm64', digest: arm64 }]]);
  });

  test('moves only what is missing for the second platform', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const store = await freshStore();
    const through = `${proxy.host}/team/both:1`;
    await pullImage(store, through, { ...options, platforms: ['amd64'] });
    const first = proxy.moved.down;
    const both = await pullImage(store, through, { ...options, platforms: 'all' });
    assert.equal(both.movedBlobs, 3);
    assert.ok(proxy.moved.down - first < 320_000, `${proxy.moved.down - first} bytes came`);
  });

  test('that has attestations beside its images is taken without them, which is said with the new digest', async () => {
    const bytes = await readFile(author.blobPath(digest));
    const { manifests, ...rest } = JSON.parse(bytes.toString('utf8'));
    const blob = { mediaType: 'application/vnd.in-toto+json', digest: images[0]!.manifest.layers[0]!.digest, size: 300_000 };
    const attestation = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: blob, layers: [] });
    const put = async (reference: string, mediaType: string, body: string) => {
      const url = `http://${registry.host}/v2/team/both/manifests/${reference}`;
      const reply = await fetch(url, { method: 'PUT', headers: { 'content-type': mediaType }, body });
      assert.equal(reply.status, 201, await reply.text());
      return reply.headers.get('docker-content-digest') ?? '';
    };
    const entry = {
      mediaType: mediaTypes.manifest,
      digest: await put('attestation', mediaTypes.manifest, attestation),
      size: attestation.length,
      platform: { os: 'unknown', architecture: 'unknown' },
    };
    await put('attested', mediaTypes.index, JSON.stringify({ ...rest, manifests: [...manifests, entry] }));
    const warnings: string[] = [];
    const store = await freshStore();
    const onWarning = (text: string) => warnings.push(text);
    const pulled = await pullImage(store, `${registry.host}/team/both:attested`, { ...options, platforms: 'all', onWarning });
    assert.equal(pulled.arch, 'amd64,arm64');
    assert.match(warnings.join('\n'), new RegExp(`1 entries of the index .* no linux images .* becomes ${pulled.digest}`));
    assert.deepEqual((await store.check()).findings, []);
  });

  test('without the platform that was asked for is IMAGE_ARCH_MISMATCH with what there is; nothing gets a name', async () => {
    const store = await freshStore();
    await assert.rejects(pullImage(store, name, { ...options, platforms: ['amd64', 's390x'] }), (thrown) => {
      assert.ok(thrown instanceof Problem && thrown.code === 'IMAGE_ARCH_MISMATCH', String(thrown));
      assert.match(thrown.message, /no image for linux\/s390x; it has: linux\/amd64, linux\/arm64/);
      return true;
    });
    assert.deepEqual(await store.list(), []);
  });

  test('sends one platform alone when that is asked for, under the digest of its manifest', async () => {
    const destination = `${registry.host}/team/arm:1`;
    const pushed = await pushImage(author, name, { ...options, destination, arch: 'arm64' });
    assert.deepEqual([pushed.digest, pushed.platforms.length], [arm64, 1]);
    assert.equal((await pullImage(await freshStore(), destination, options)).arch, 'arm64');
  });

  test('is mounted from another repository, and a name of an index does not disturb the push of a plain image', async () => {
    const destination = `${registry.host}/other/both:1`;
    const { sentBlobs, mountedBlobs } = await pushImage(author, name, { ...options, destination });
    assert.deepEqual([sentBlobs, mountedBlobs], [0, 6]);
    await makeTestImage(author, `${registry.host}/plain:1`, [10]);
    assert.equal((await pushImage(author, `${registry.host}/plain:1`, options)).sentBlobs, 2);
  });

  test('of the Docker kind is taken and sent as it is', async () => {
    const docker = `${registry.host}/docker/both:1`;
    const made = await makeTestIndex(author, docker, [1000], 'docker');
    assert.equal((await pushImage(author, docker, options)).digest, made);
    const store = await freshStore();
    assert.equal((await pullImage(store, docker, { ...options, platforms: 'all' })).digest, made);
    assert.equal((await store.resolve(docker)).mediaType, mediaTypes.dockerIndex);
  });

  test('skopeo copies it whole without a warning, and Seal takes what skopeo copied', { skip: skopeoHindrance }, async () => {
    const skopeo = (...args: string[]) =>
      execFileSync('sh', ['-c', 'exec skopeo "$@" 2>&1', 'skopeo', ...args], {
        encoding: 'utf8',
        env: { ...process.env, HOME: root },
      });
    const copy = `${registry.host}/skopeo/both:1`;
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    assert.doesNotMatch(skopeo('copy', '--all', ...tls, `docker://${name}`, `docker://${copy}`), /warn|error/i);
    assert.equal((await pullImage(await freshStore(), copy, { ...options, platforms: 'all' })).digest, digest);
    const seen = skopeo('inspect', '--tls-verify=false', '--override-arch=arm64', `docker://${name}`);
    assert.equal(JSON.parse(seen).Architecture, 'arm64');
  });
});
