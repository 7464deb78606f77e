import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createImagePuller } from '../registry-client/create-image-puller.ts';
import { pushImage } from '../registry-client/push-image.ts';
import { makeTestImage } from '../registry-client/test-images.ts';
import { registryHindrance, startTestRegistry, type TestRegistry } from '../registry-client/test-registry.ts';
import { openStore } from '../store/image-store.ts';
import { fails, inWorkshop, type Workshop } from './test-workshop.ts';

describe('FROM an image that only its registry has', { skip: registryHindrance }, () => {
  async function withRegistry(work: (workshop: Workshop, registry: TestRegistry) => Promise<void>): Promise<void> {
    await using registry = await startTestRegistry();
    await inWorkshop((workshop) => work(workshop, registry));
  }
  const home = '/nonexistent';
  const puller = () => createImagePuller({ env: {}, home, insecure: true, retryMilliseconds: 20 });

  test('brings it, says so, gives it no name, and keeps its layers under the names of OCI', () =>
    withRegistry(async ({ directory, build, store, write, progress }, registry) => {
      const base = `${registry.host}/team/base:1`;
      const other = await openStore(join(directory, 'other'));
      await makeTestImage(other, base, [1000, 2000], 'amd64', 'docker');
      const { manifest: pushed } = await other.inspect(base);
      await pushImage(other, base, { env: {}, home, insecure: true });
      await write({ own: 'x' });
      const built = await build(`ARG TAG=1\nFROM ${registry.host}/team/base:\${TAG}\nCOPY own own\n`, { basePuller: puller() });
      const { manifest } = await store.inspect(built.digest);
      assert.deepEqual(
        manifest.layers.slice(0, 2).map(({ digest }) => digest),
        pushed.layers.map(({ digest }) => digest),
      );
      assert.deepEqual(
        [...new Set(manifest.layers.map(({ mediaType }) => mediaType))],
        ['application/vnd.oci.image.layer.v1.tar+gzip'],
      );
      assert.deepEqual(
        progress.filter(({ kind }) => kind === 'pull'),
        [{ kind: 'pull', reference: base }],
      );
      assert.deepEqual(
        (await store.list()).map(({ reference }) => reference),
        ['localhost/test:latest'],
      );
      await store.collectGarbage();
      assert.deepEqual((await store.check()).findings, []);
    }));

  test('is refused at its place when the registry does not have it, and when no registry is named', () =>
    withRegistry(async ({ build }, registry) => {
      const none = `${registry.host}/team/none:1`;
      await fails(build(`FROM ${none}\n`, { basePuller: puller() }), 'IMAGE_NOT_FOUND', /Kubefile:1:6.*team\/none:1/s);
      await fails(build('FROM none:1\n', { basePuller: puller() }), 'IMAGE_NOT_FOUND', /Kubefile:1:6.*none:1/s);
    }));
});
