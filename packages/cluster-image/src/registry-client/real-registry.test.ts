import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Problem } from '@seal/foundation';
import { openStore } from '../store/image-store.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { forgetCredential } from './keep-credential.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { registryLogin } from './registry-login.ts';
import { makeTestImage } from './test-images.ts';
import { registryHindrance, startTestRegistry } from './test-registry.ts';

const root = await mkdtemp(join(tmpdir(), 'seal-registry-test-'));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;
const next = () => {
  count += 1;
  return count;
};
const freshStore = () => openStore(join(root, `store-${next()}`));
const freshOptions = () => ({ env: {}, home: join(root, `home-${next()}`), retryMilliseconds: 20 });
const skopeoHindrance = existsSync('/usr/bin/skopeo') ? undefined : 'SKIPPED: skopeo is not installed (apt-get install skopeo)';
const fails = (code: string, pattern: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof Problem, String(thrown));
  assert.equal(thrown.code, code, thrown.message);
  assert.match(thrown.message, pattern);
  return true;
};
const MiB = 1024 * 1024;

describe("Debian's docker-registry over plain HTTP", { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry();
  after(() => registry[Symbol.asyncDispose]());
  const store = await freshStore();
  const digest = await makeTestImage(store, `${registry.host}/team/app:1`, [3 * MiB, 1000, 1]);

  test('takes an image in chunks and gives it back with the same digest; what was given up for --insecure is said', async () => {
    const warnings: string[] = [];
    const options = { ...freshOptions(), insecure: true, onWarning: (text: string) => warnings.push(text) };
    const pushed = await pushImage(store, `${registry.host}/team/app:1`, { ...options, chunkBytes: MiB });
    assert.deepEqual([pushed.digest, pushed.sentBlobs], [digest, 4]);
    assert.match(warnings.join('\n'), /^insecure: the registry 127.* plain HTTP/);
    const other = await freshStore();
    const pulled = await pullImage(other, `${registry.host}/team/app:1`, options);
    assert.deepEqual([pulled.digest, pulled.movedBlobs, pulled.from], [digest, 4, registry.host]);
    assert.deepEqual((await other.check()).findings, []);
    assert.equal((await other.inspect(`${registry.host}/team/app:1`)).digest, digest);
  });

  test('a second push and a second pull move no blob', async () => {
    const options = { ...freshOptions(), insecure: true };
    assert.equal((await pushImage(store, `${registry.host}/team/app:1`, options)).sentBlobs, 0);
    assert.equal((await pullImage(store, `${registry.host}/team/app:1`, options)).movedBlobs, 0);
  });

  test('another repository of the registry takes the blobs by mount', async () => {
    const options = { ...freshOptions(), insecure: true, destination: `${registry.host}/other/app:2` };
    const { sentBlobs, mountedBlobs } = await pushImage(store, `${registry.host}/team/app:1`, options);
    assert.deepEqual([sentBlobs, mountedBlobs], [0, 4]);
  });

  test('without --insecure plain HTTP is refused, and the remedy names the flag', async () => {
    await assert.rejects(pullImage(store, `${registry.host}/team/app:1`, freshOptions()), (thrown) => {
      assert.match((thrown as Problem).remedy, /--insecure/);
      return fails('REGISTRY_UNREACHABLE', /127\.0\.0\.1/)(thrown);
    });
  });

  test('an unknown tag, and an unknown repository, is IMAGE_NOT_FOUND', async () => {
    const options = { ...freshOptions(), insecure: true };
    await assert.rejects(pullImage(store, `${registry.host}/team/app:9`, options), fails('IMAGE_NOT_FOUND', /team\/app with 9/));
    await assert.rejects(pullImage(store, `${registry.host}/none:1`, options), fails('IMAGE_NOT_FOUND', /none/));
  });

  test('a pull whose connection is cut goes on where it was: far fewer than twice the bytes move', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const large = await makeTestImage(store, `${registry.host}/team/large:1`, [8 * MiB]);
    await pushImage(store, `${registry.host}/team/large:1`, { ...freshOptions(), insecure: true });
    const other = await freshStore();
    proxy.cutAfter('down', [3 * MiB, 3 * MiB]);
    const pulled = await pullImage(other, `${proxy.host}/team/large:1`, { ...freshOptions(), insecure: true });
    assert.equal(pulled.digest, large);
    assert.equal(proxy.cuts.count, 2);
    assert.ok(proxy.moved.down < 9.5 * MiB, `${proxy.moved.down} bytes came`);
    assert.deepEqual((await other.check()).findings, []);
  });

  test('a pull that failed for good leaves its beginning, with which the next pull goes on', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const other = await freshStore();
    const options = { ...freshOptions(), insecure: true, tries: 1, parallel: 1 };
    proxy.cutAfter('down', [5 * MiB]);
    await assert.rejects(pullImage(other, `${proxy.host}/team/large:1`, options), fails('REGISTRY_UNREACHABLE', /127/));
    await pullImage(other, `${proxy.host}/team/large:1`, options);
    assert.ok(proxy.moved.down < 9.5 * MiB, `${proxy.moved.down} bytes came`);
  });

  test('a push whose connection is cut ends with the image whole, and fewer than twice the bytes move', async () => {
    await using proxy = await startCuttingProxy(registry.port);
    const pushed = await makeTestImage(store, `${proxy.host}/team/cut:1`, [8 * MiB]);
    proxy.cutAfter('up', [5 * MiB]);
    const options = { ...freshOptions(), insecure: true, chunkBytes: 2 * MiB };
    await pushImage(store, `${proxy.host}/team/cut:1`, options);
    assert.equal(proxy.cuts.count, 1);
    assert.ok(proxy.moved.up < 16 * MiB, `${proxy.moved.up} bytes went`);
    const other = await freshStore();
    assert.equal((await pullImage(other, `${registry.host}/team/cut:1`, options)).digest, pushed);
  });

  test('a mirror is asked first; one that is gone is left out with a warning', async () => {
    const settings = join(root, 'registries.yaml');
    await writeFile(
      settings,
      `registries:\n  registry.invalid:\n    mirrors:\n      - {address: "127.0.0.1:1", insecure: true}\n      - {address: "${registry.host}/team", insecure: true}\n`,
    );
    const warnings: string[] = [];
    const options = { ...freshOptions(), settingsFile: settings, tries: 1, onWarning: (text: string) => warnings.push(text) };
    const other = await freshStore();
    const pulled = await pullImage(other, 'registry.invalid/app:1', options);
    assert.deepEqual([pulled.digest, pulled.reference, pulled.from], [digest, 'registry.invalid/app:1', registry.host]);
    assert.match(warnings.join('\n'), /the mirror 127\.0\.0\.1:1 is left out/);
  });

  test('skopeo reads what was pushed without a warning, and Seal pulls what skopeo copied', {
    skip: skopeoHindrance,
  }, async () => {
    const skopeo = (...args: string[]) =>
      execFileSync('sh', ['-c', 'exec skopeo "$@" 2>&1', 'skopeo', ...args], {
        encoding: 'utf8',
        env: { ...process.env, HOME: root },
      });
    const told = skopeo('inspect', '--tls-verify=false', `docker://${registry.host}/team/app:1`);
    assert.equal(JSON.parse(told).Digest, digest);
    const layout = `oci:${join(root, 'layout')}:app`;
    assert.doesNotMatch(skopeo('copy', '--src-tls-verify=false', `docker://${registry.host}/team/app:1`, layout), /warn|error/i);
    skopeo('copy', '--dest-tls-verify=false', '--format', 'v2s2', layout, `docker://${registry.host}/skopeo/app:1`);
    const other = await freshStore();
    await pullImage(other, `${registry.host}/skopeo/app:1`, { ...freshOptions(), insecure: true });
    const pulled = await other.inspect(`${registry.host}/skopeo/app:1`);
    assert.equal(pulled.manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
    assert.deepEqual((await other.check()).findings, []);
  });
});

describe("Debian's docker-registry with TLS and htpasswd", { skip: registryHindrance }, async () => {
  if (registryHindrance) return;
  const registry = await startTestRegistry({ tls: true, htpasswd: true });
  after(() => registry[Symbol.asyncDispose]());
  const store = await freshStore();
  const name = `${registry.host}/app:1`;
  const digest = await makeTestImage(store, name, [100_000]);
  const trusting = () => ({ ...freshOptions(), caFile: registry.caFile });

  test('its certificate counts only with its authority', async () => {
    await assert.rejects(pushImage(store, name, freshOptions()), (thrown) => {
      assert.match((thrown as Problem).remedy, /--ca FILE/);
      return fails('REGISTRY_UNREACHABLE', /certificate/)(thrown);
    });
  });

  test('with --insecure any certificate is taken, which is said', async () => {
    const warnings: string[] = [];
    const options = { ...freshOptions(), insecure: true, onWarning: (text: string) => warnings.push(text) };
    await assert.rejects(pushImage(store, name, options), fails('REGISTRY_UNAUTHORIZED', /./));
    assert.match(warnings.join('\n'), /^insecure: the certificate of the registry 127.* is not verified$/);
  });

  test('nobody who did not log in is let in; the message says that nobody did', async () => {
    await assert.rejects(pushImage(store, name, trusting()), fails('REGISTRY_UNAUTHORIZED', /repository app .*tried: none/));
  });

  test('a wrong password is refused and not kept; nothing that is printed holds it', async () => {
    const options = trusting();
    const user = { username: 'ada', password: 'wr0ng-secret' };
    await assert.rejects(registryLogin(registry.host, user, options), (thrown) => {
      assert.doesNotMatch(JSON.stringify(thrown) + (thrown as Error).stack, /wr0ng|YWRhOndy/);
      return fails('REGISTRY_UNAUTHORIZED', /user ada, given now/)(thrown);
    });
    await assert.rejects(stat(join(options.home, '.docker/config.json')), { code: 'ENOENT' });
  });

  test("login keeps the credentials in Docker's file (0600), push and pull use them, logout forgets them", async () => {
    const options = trusting();
    const file = await registryLogin(registry.host, { username: 'ada', password: 'lovelace' }, options);
    assert.equal(file, join(options.home, '.docker/config.json'));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')).auths, { [registry.host]: { auth: btoa('ada:lovelace') } });
    await pushImage(store, name, options);
    assert.equal((await pullImage(await freshStore(), name, options)).digest, digest);
    assert.deepEqual(await forgetCredential(registry.host, options), [file]);
    await assert.rejects(pullImage(await freshStore(), name, options), fails('REGISTRY_UNAUTHORIZED', /./));
  });
});
