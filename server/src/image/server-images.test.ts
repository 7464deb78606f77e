import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type ImageStore, openStore, pushImage } from '@seal/cluster-image';
import { startCuttingProxy } from '@seal/cluster-image/cutting-proxy';
import { makeTestImage, makeTestIndex } from '@seal/cluster-image/test-images';
import { registryHindrance, startTestRegistry } from '@seal/cluster-image/test-registry';
import { Problem } from '@seal/foundation';
import { connect, type imageProto, uploadBlobs } from '@seal/protocol';
import { pino } from 'pino';
import { composeCore } from '../compose.ts';
import { readConfig } from '../config.ts';
import { runServer } from '../run-server.ts';
import { factsForHosts } from './facts-for-hosts.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-server-images-'));
const log: string[] = [];
const flags = { address: '127.0.0.1', stateDirectory: join(root, 'state'), runDirectory: join(root, 'run') };
await mkdir(flags.stateDirectory);
const config = { ...readConfig(flags, join(root, 'none.yaml')), grpcPort: 0, httpsPort: 0 };
const core = await composeCore(config, pino({ level: 'trace' }, { write: (line) => void log.push(line) }), 'test');
const stop = await runServer(core);
const client = connect({
  kind: 'local',
  grpcSocket: join(flags.runDirectory, 'server.sock'),
  httpSocket: join(flags.runDirectory, 'http.sock'),
});
after(async () => {
  client.close();
  await stop();
  await rm(root, { recursive: true, force: true });
});

const author = await openStore(join(root, 'author'));
const noAccess = { username: '', password: '', identityToken: '', caPem: '', insecure: true };
const wish = (fields: Partial<imageProto.PullImageRequest>): imageProto.PullImageRequest => ({
  ...{ reference: '', name: '', archs: [], allPlatforms: false, access: noAccess },
  ...fields,
});
const listed = async (reference: string) =>
  (await client.images.listImages({})).images.find((image) => image.reference === reference);

async function send(store: ImageStore, reference: string) {
  const { digest, manifests } = await store.parts(reference);
  const parts = manifests.flatMap(({ descriptor, manifest }) => [descriptor, manifest.config, ...manifest.layers]);
  const blobs = new Map([...parts.map(({ digest, size }) => [digest, size] as const), [digest, await store.blobSize(digest)]]);
  const sources = [...blobs].map(([each, size = 0]) => ({
    digest: each,
    sizeBytes: size,
    open: () => createReadStream(store.blobPath(each)),
  }));
  const sent = await uploadBlobs(client, sources);
  const { image } = await client.images.putImage({ reference, manifestDigest: digest });
  return { ...sent, image };
}

test('a whole index is sent to the server and named there; a second time not one byte goes', async () => {
  const digest = await makeTestIndex(author, 'both:1', [100_000]);
  const { image, sentBlobs } = await send(author, 'localhost/both:1');
  assert.deepEqual([image?.digest, image?.arch, sentBlobs], [digest, 'amd64,arm64', 7]);
  assert.equal((await send(author, 'localhost/both:1')).sentBytes, 0);
  await client.images.removeImage({ reference: 'both:1' });
});

test('an index that lacks a blob, or has an image that no node can run, gets no name', async () => {
  await makeTestImage(author, 'odd:1', [10], 's390x');
  await assert.rejects(send(author, 'localhost/odd:1'), { code: 'IMAGE_ARCH_MISMATCH', message: /"s390x"; Seal knows amd64/ });
  assert.equal(await listed('localhost/odd:1'), undefined);
  const digest = await makeTestIndex(author, 'part:2', [10]);
  const bytes = await readFile(author.blobPath(digest));
  await core.images.writeBlob([bytes]);
  await assert.rejects(client.images.putImage({ reference: 'part:2', manifestDigest: digest }), Problem);
  assert.equal(await listed('localhost/part:2'), undefined);
});

test('an image of an index that a cluster runs from is not removed', async () => {
  await makeTestIndex(author, 'used:1', [10]);
  await send(author, 'localhost/used:1');
  const { digest } = await core.images.inspect('used:1', 'arm64');
  const record = { name: 'lab', state: 'ready', imageDigest: digest, runtime: '', runtimeVersion: '', members: [] } as const;
  await core.store.commit([core.records.put({ ...record, spec: {} as never })]);
  await core.records.reload();
  await assert.rejects(client.images.removeImage({ reference: 'used:1' }), { code: 'IMAGE_IN_USE', message: /cluster lab$/ });
  assert.equal((await core.sources.image(digest, [])).arch, 'arm64');
});

test('a prune of the server takes nameless images, by age named ones, and never what a cluster runs from', async () => {
  await makeTestImage(author, 'twice:1', [10]);
  await send(author, 'localhost/twice:1');
  await makeTestImage(author, 'twice:1', [10]);
  await send(author, 'localhost/twice:1');
  const dry = await client.images.pruneImages({ dryRun: true, addedBeforeMs: 0 });
  assert.deepEqual(
    dry.images.map(({ reference }) => reference),
    [''],
  );
  // Blobs that came within a day stay.
  assert.equal(dry.blobs, 0);
  const pruned = await client.images.pruneImages({ dryRun: false, addedBeforeMs: Date.now() + 60_000 });
  assert.deepEqual(pruned.images.map(({ reference }) => reference).sort(), ['', 'localhost/twice:1']);
  assert.deepEqual(
    (await client.images.listImages({})).images.map(({ reference }) => reference),
    ['localhost/used:1'],
  );
});

test('hosts of one architecture get their image of an index; by its own digest a manifest stays what it is', async () => {
  await makeTestIndex(author, 'hosts:1', [10]);
  await send(author, 'localhost/hosts:1');
  const own = process.arch === 'x64' ? 'amd64' : 'arm64';
  const arch = async (name: string, archs: string[]) => (await factsForHosts(core.images, name, archs)).arch;
  assert.equal(await arch('hosts:1', ['arm64', 'arm64']), 'arm64');
  assert.equal(await arch('hosts:1', ['amd64']), 'amd64');
  assert.equal(await arch('hosts:1', ['amd64', 'arm64']), own);
  assert.equal(await arch('hosts:1', []), own);
  const { digest } = await core.images.inspect('hosts:1', 'amd64');
  assert.equal(await arch(digest, ['arm64']), 'amd64');
  await makeTestImage(author, 'plain:1', [10], 'amd64');
  await send(author, 'localhost/plain:1');
  assert.equal(await arch('plain:1', ['arm64']), 'amd64');
});

describe('a pull by the server', { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry({ htpasswd: true });
  after(() => registry[Symbol.asyncDispose]());
  const name = `${registry.host}/team/app:1`;
  const access = { ...noAccess, username: 'ada', password: 'lovelace' };
  const credentials = async () => ({ username: 'ada', password: 'lovelace', source: 'the test' });
  const digest = await makeTestIndex(author, name, [400_000, 10]);
  await pushImage(author, name, { env: {}, home: root, insecure: true, credentials });

  test('needs the credentials of the caller; what is printed, logged or stored holds no password', async () => {
    await assert.rejects(client.pullImage(wish({ reference: name })), (thrown) => {
      assert.ok(thrown instanceof Problem && thrown.code === 'REGISTRY_UNAUTHORIZED', String(thrown));
      assert.match(thrown.message, /tried: none/);
      return true;
    });
    const wrong = client.pullImage(wish({ reference: name, access: { ...access, password: 'wr0ng-secret' } }));
    await assert.rejects(wrong, /user ada, handed over by the caller/);
    await client.pullImage(wish({ reference: name, access }));
    for (const path of await readdir(flags.stateDirectory, { recursive: true, withFileTypes: true })) {
      if (!path.isFile()) continue;
      const text = await readFile(join(path.parentPath, path.name), 'latin1');
      assert.doesNotMatch(text, /lovelace|wr0ng-secret|YWRhOmxvdmVsYWNl/, path.name);
    }
    assert.doesNotMatch(log.join(''), /lovelace|wr0ng-secret|YWRhOmxvdmVsYWNl/);
  });

  test('brings of an index what the nodes need, here that of this machine, or all; only what is missing moves', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const through = `${proxy.host}/team/app:1`;
    const seen: { doneBytes: number; totalBytes: number }[] = [];
    const warnings: string[] = [];
    const options = {
      onProgress: (progress: { doneBytes: number; totalBytes: number }) => void seen.push(progress),
      onWarning: (text: string) => void warnings.push(text),
    };
    await client.images.removeImage({ reference: name });
    await core.images.collectGarbage();
    const first = await client.pullImage(wish({ reference: through, name: 'app:1', access }), options);
    assert.deepEqual(
      [first.image?.reference, first.image?.arch],
      ['localhost/app:1', process.arch === 'x64' ? 'amd64' : 'arm64'],
    );
    assert.equal(seen.at(-1)?.doneBytes, seen.at(-1)?.totalBytes);
    assert.match(warnings.join('\n'), /^insecure: the registry 127/);
    const moved = proxy.moved.down;
    const all = await client.pullImage(wish({ reference: through, name: 'app:1', access, allPlatforms: true }));
    assert.deepEqual([all.image?.digest, all.image?.arch], [digest, 'amd64,arm64']);
    assert.ok(proxy.moved.down - moved < 430_000, `${proxy.moved.down - moved} bytes came for the second platform`);
    const nothing = await client.pullImage(wish({ reference: through, name: 'app:1', access, allPlatforms: true }));
    assert.equal(nothing.movedBytes, 0);
  });

  test('by several callers at once brings each blob once; one more than two waits, which is said', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    await makeTestImage(author, `${registry.host}/team/crowd:1`, [1_000_000]);
    await pushImage(author, `${registry.host}/team/crowd:1`, { env: {}, home: root, insecure: true, credentials });
    const warnings: string[] = [];
    const options = { onWarning: (text: string) => void warnings.push(text) };
    const reference = `${proxy.host}/team/crowd:1`;
    const all = await Promise.all(
      [1, 2, 3].map((number) => client.pullImage(wish({ reference, name: `crowd:${number}`, access }), options)),
    );
    assert.equal(new Set(all.map(({ image }) => image?.digest)).size, 1);
    assert.ok(proxy.moved.down < 1_300_000, `${proxy.moved.down} bytes came`);
    assert.equal(warnings.filter((text) => /waits for its turn/.test(text)).length, 1);
  });

  test('that the caller gives up ends on the server, and leaves no name', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    await makeTestImage(author, `${registry.host}/team/large:1`, [8_000_000]);
    await pushImage(author, `${registry.host}/team/large:1`, { env: {}, home: root, insecure: true, credentials });
    // The server tries again after each cut, and waits longer each time: it cannot be done before it is told to stop.
    proxy.cutAfter('down', [3_000_000, 1, 1, 1]);
    const stopped = new AbortController();
    const pull = client.pullImage(wish({ reference: `${proxy.host}/team/large:1`, access }), {
      signal: stopped.signal,
      onProgress: () => stopped.abort(),
    });
    await assert.rejects(pull, { code: 'CANCELLED' });
    while ((await readdir(join(core.images.directory, 'tmp'))).some((file) => file.startsWith('pull')))
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await listed(`${proxy.host}/team/large:1`), undefined);
    assert.ok(proxy.moved.down < 4_000_000, `${proxy.moved.down} bytes came`);
  });

  test('of a registry that the server cannot reach says so, as seen from the server', async () => {
    await assert.rejects(client.pullImage(wish({ reference: name, access: { ...access, insecure: false } })), {
      code: 'REGISTRY_UNREACHABLE',
      message: /^seen from the server, the registry 127\.0\.0\.1:\d+ cannot be used/,
    });
  });

  test('of an image that no node can run leaves no name', async () => {
    const odd = `${registry.host}/team/odd:1`;
    await makeTestImage(author, odd, [10], 's390x');
    await pushImage(author, odd, { env: {}, home: root, insecure: true, credentials });
    await assert.rejects(client.pullImage(wish({ reference: odd, access })), { code: 'IMAGE_ARCH_MISMATCH' });
    assert.equal(await listed(odd), undefined);
  });
});
