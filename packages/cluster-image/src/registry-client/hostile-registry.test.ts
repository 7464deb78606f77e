import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { openStore } from '../store/image-store.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { type DoubleAnswer, type DoubleRequest, startRegistryDouble } from './registry-double.ts';
import { makeTestImage } from './test-images.ts';
import { uploadUrl } from './upload-url.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-hostile-'));
after(() => rm(root, { recursive: true, force: true }));
const options = { env: {}, home: root, insecure: true, retryMilliseconds: 1, tries: 3 };
const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
let count = 0;
const freshStore = () => {
  count += 1;
  return openStore(join(root, `store-${count}`));
};

const configText = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } });
const image = (fields: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(configText), size: configText.length },
    layers: [],
    ...fields,
  });
const manifestAnswer = (text: string, headers: Record<string, string> = {}): DoubleAnswer => ({
  status: 200,
  headers: { 'content-type': manifestType, ...headers },
  body: text,
});

/** Pulls from a double with this answer and gives the Problem; the store must hold nothing afterwards. */
async function refusedPull(answer: (request: DoubleRequest, host: string) => DoubleAnswer | undefined, tag = ':1') {
  await using double = await startRegistryDouble(answer);
  const store = await freshStore();
  const thrown = await pullImage(store, `${double.host}/app${tag}`, { ...options, name: 'app:1' }).then(
    () => assert.fail('it was pulled'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Problem, String(thrown));
  assert.deepEqual(await store.list(), []);
  assert.deepEqual((await store.check()).findings, []);
  return { problem: thrown, requests: double.requests };
}
const onManifest = (answer: DoubleAnswer) => (request: DoubleRequest) =>
  request.url.pathname.includes('/manifests/') ? answer : { status: 200, body: configText };

test('the answers of the double are fine where nothing is wrong with them', async () => {
  await using double = await startRegistryDouble(onManifest(manifestAnswer(image())));
  const { digest } = await pullImage(await freshStore(), `${double.host}/app:1`, options);
  assert.equal(digest, digestOf(image()));
});

test('a manifest that has not the digest that was asked for, or that its header says, is BLOB_DIGEST_MISMATCH', async () => {
  const asked = await refusedPull(onManifest(manifestAnswer(image())), `@${digestOf('another')}`);
  assert.equal(asked.problem.code, 'BLOB_DIGEST_MISMATCH');
  const header = { 'docker-content-digest': digestOf('another') };
  assert.equal((await refusedPull(onManifest(manifestAnswer(image(), header)))).problem.code, 'BLOB_DIGEST_MISMATCH');
});

test('a blob with other bytes, or with more of them, is BLOB_DIGEST_MISMATCH', async () => {
  for (const body of [configText.replace('amd64', 'arm64'), `${configText}x`]) {
    const { problem } = await refusedPull((request) =>
      request.url.pathname.includes('/manifests/') ? manifestAnswer(image()) : { status: 200, body },
    );
    assert.equal(problem.code, 'BLOB_DIGEST_MISMATCH');
  }
});

test('a huge manifest is refused after its limit, whatever length it announces', async () => {
  const { problem } = await refusedPull(onManifest(manifestAnswer(image({ x: 'y'.repeat(5 * 1024 * 1024) }))));
  assert.equal(problem.code, 'REGISTRY_PROTOCOL');
  assert.match(problem.message, /limit 4194304/);
});

test('a text that is manifest and index at once, or of another kind than its header says, is IMAGE_INVALID', async () => {
  assert.equal((await refusedPull(onManifest(manifestAnswer(image({ manifests: [] }))))).problem.code, 'IMAGE_INVALID');
  const header = { 'content-type': 'application/vnd.oci.image.index.v1+json' };
  assert.equal((await refusedPull(onManifest(manifestAnswer(image(), header)))).problem.code, 'IMAGE_INVALID');
  assert.equal((await refusedPull(onManifest({ status: 200, body: '<html>' }))).problem.code, 'IMAGE_INVALID');
});

test('digests that are paths, and configs that are huge, are IMAGE_INVALID before anything is fetched', async () => {
  for (const config of [
    { mediaType: 'x', digest: 'sha256:../../../etc/passwd', size: 1 },
    { mediaType: 'x', digest: digestOf('x'), size: 2 ** 40 },
  ]) {
    const { problem, requests } = await refusedPull(onManifest(manifestAnswer(image({ config }))));
    assert.equal(problem.code, 'IMAGE_INVALID');
    assert.ok(requests.every(({ url }) => !url.pathname.includes('/blobs/')));
  }
});

test('an endless redirect ends after five hops', async () => {
  const { problem, requests } = await refusedPull((request) =>
    request.url.pathname === '/v2/' ? { status: 200 } : { status: 307, headers: { location: `${request.url.pathname}x` } },
  );
  assert.equal(problem.code, 'REGISTRY_PROTOCOL');
  assert.equal(requests.filter(({ url }) => url.pathname.startsWith('/v2/app')).length, 6);
});

test('redirects to files, to addresses with a password, or to nowhere are not followed', async () => {
  for (const location of ['file:///etc/passwd', 'http://user:pass@127.0.0.1/', 'gopher://x', '']) {
    const { problem } = await refusedPull((request) =>
      request.url.pathname === '/v2/' ? { status: 200 } : { status: 302, headers: { location } },
    );
    assert.equal(problem.code, 'REGISTRY_PROTOCOL', location);
  }
});

test('an upload goes on only at the registry itself', () => {
  const place = (origin: string) => ({ endpoint: { name: 'registry.example' } as never, origin: new URL(origin) });
  const https = place('https://registry.example:5000/');
  assert.equal(
    uploadUrl(https, '/v2/app/blobs/uploads/1?_state=a..b%2F').href,
    'https://registry.example:5000/v2/app/blobs/uploads/1?_state=a..b%2F',
  );
  assert.equal(uploadUrl(https, 'https://registry.example:5000/x').pathname, '/x');
  for (const location of [
    undefined,
    '',
    'http://registry.example:5000/x',
    'https://evil.example/x',
    '//evil.example/x',
    'https://registry.example:5000@evil.example/',
    'https://u:p@registry.example:5000/x',
    '/v2/app/../../admin',
    '/v2/%2e%2E/admin',
    '\\\\evil.example\\x',
    '/x\r\nHost: evil',
    'file:///etc/passwd',
    'https://registry.example/x',
  ])
    assert.throws(() => uploadUrl(https, location), { code: 'REGISTRY_PROTOCOL' }, String(location));
});

test('a registry that claims to have more of an upload than there is, or never keeps anything, is given up', async () => {
  for (const range of ['0-99999999', '0-0']) {
    await using double = await startRegistryDouble(({ method }) => {
      const headers = { location: '/v2/app/blobs/uploads/1', range };
      if (method === 'HEAD') return { status: 404 };
      return { status: method === 'GET' ? 204 : 202, headers };
    });
    const store = await freshStore();
    await makeTestImage(store, `${double.host}/app:1`, [10]);
    await assert.rejects(pushImage(store, `${double.host}/app:1`, options), (thrown: Problem) => {
      assert.match(thrown.code, /^REGISTRY_(PROTOCOL|UNREACHABLE)$/);
      return true;
    });
    assert.ok(double.requests.length < 60, `${double.requests.length} requests`);
  }
});

test('the words of a registry reach a message without control characters, cut short, and a page of a proxy not at all', async () => {
  const words = JSON.stringify({ errors: [{ code: 'DENIED', message: `\u001b[2Jgo away ${'x'.repeat(9000)}` }] });
  const { problem } = await refusedPull((request) =>
    request.url.pathname === '/v2/' ? { status: 200 } : { status: 403, body: words },
  );
  assert.equal(problem.code, 'REGISTRY_DENIED');
  assert.match(problem.message, /\(DENIED: {1,2}\[2Jgo away x+\)/);
  assert.ok(problem.message.length < 600);
  const page = await refusedPull((request) =>
    request.url.pathname === '/v2/' ? { status: 200 } : { status: 418, body: '<html>' },
  );
  assert.doesNotMatch(page.problem.message, /html/);
});

test('429 and 5xx are tried again, and given up after so many tries', async () => {
  let busy = 2;
  await using double = await startRegistryDouble((request) => {
    if (request.url.pathname.includes('/manifests/') && busy > 0) {
      busy -= 1;
      return { status: busy === 0 ? 429 : 503 };
    }
    return onManifest(manifestAnswer(image()))(request);
  });
  await pullImage(await freshStore(), `${double.host}/app:1`, options);
  const { problem } = await refusedPull((request) => ({ status: request.url.pathname === '/v2/' ? 200 : 502 }));
  assert.equal(problem.code, 'REGISTRY_UNREACHABLE');
  assert.match(problem.message, /3 tries.*502/);
});

test('a registry that takes no chunks gets each blob in one request', async () => {
  const blobs = new Map<string, Buffer>();
  let manifest: Buffer | undefined;
  await using double = await startRegistryDouble(({ method, url, body }) => {
    if (method === 'HEAD') return { status: 404 };
    if (method === 'POST') return { status: 202, headers: { location: '/v2/app/blobs/uploads/1?state=x' } };
    if (method === 'PATCH') return { status: 405 };
    if (url.pathname.includes('/manifests/')) manifest = body;
    else if (method === 'PUT') blobs.set(url.searchParams.get('digest') ?? '', body);
    return { status: method === 'PUT' ? 201 : 200 };
  });
  const store = await freshStore();
  const digest = await makeTestImage(store, `${double.host}/app:1`, [1000]);
  await pushImage(store, `${double.host}/app:1`, options);
  assert.equal(blobs.size, 2);
  for (const [name, bytes] of blobs) assert.equal(digestOf(bytes), name);
  assert.equal(digestOf(manifest ?? ''), digest);
});

test('an upload that was cut goes on from where the registry says it is', async () => {
  let received = Buffer.alloc(0);
  let patches = 0;
  await using double = await startRegistryDouble(({ method, url, body, headers }) => {
    const range = () => ({ location: '/v2/app/blobs/uploads/1', range: `0-${received.length - 1}` });
    if (method === 'HEAD') return { status: url.pathname.endsWith(layer) ? 404 : 200 };
    if (method === 'POST') return { status: 202, headers: { location: '/v2/app/blobs/uploads/1' } };
    if (method === 'PATCH') {
      patches += 1;
      if (!headers['content-range']?.startsWith(`${received.length}-`)) return { status: 416 };
      // The second piece arrives by half before the registry falls over.
      received = Buffer.concat([received, patches === 2 ? body.subarray(0, 500) : body]);
      return patches === 2 ? { status: 500 } : { status: 202, headers: range() };
    }
    if (method === 'GET' && url.pathname.includes('/uploads/')) return { status: 204, headers: range() };
    return { status: method === 'PUT' ? 201 : 200 };
  });
  const store = await freshStore();
  await makeTestImage(store, `${double.host}/app:1`, [5000]);
  const layer = (await store.inspect(`${double.host}/app:1`)).manifest.layers[0]?.digest ?? '';
  await pushImage(store, `${double.host}/app:1`, { ...options, chunkBytes: 1000 });
  assert.equal(digestOf(received), layer);
});

test('an index of more images than anybody has platforms is refused before one of them is asked for', async () => {
  const manifests = Array.from({ length: 101 }, (_, number) => ({
    mediaType: manifestType,
    digest: digestOf(String(number)),
    size: 100,
    platform: { os: 'linux', architecture: `a${number}` },
  }));
  const type = 'application/vnd.oci.image.index.v1+json';
  const text = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests });
  await using double = await startRegistryDouble(onManifest({ status: 200, headers: { 'content-type': type }, body: text }));
  const store = await freshStore();
  await assert.rejects(pullImage(store, `${double.host}/app:1`, { ...options, platforms: 'all' }), {
    code: 'IMAGE_INVALID',
    message: /has 101 images \(limit 100\)/,
  });
  assert.equal(double.requests.filter(({ url }) => url.pathname.includes('/manifests/')).length, 1);
  const { digest } = await store.writeBlob([Buffer.from(text)]);
  await assert.rejects(store.putReference('app:1', digest), { code: 'IMAGE_INVALID', message: /has 101 manifests/ });
});
