import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { layerIndex } from '../rootfs/layer-index.ts';
import { inWorkshop } from './test-workshop.ts';

test('keeps of a layer that was made what reading the layer would find', () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({
      Metadata: '{"version":"1"}',
      'etc/kubeadm.yml': 'kind: X\n',
      'scripts/a.sh': '',
      'images/no.tar': 'x',
      [`${'n'.repeat(120)}`]: 'y',
    });
    const run = process.getuid?.() === 0 ? 'RUN rm etc/kubeadm.yml && ln -s a.sh scripts/b.sh && chmod 700 scripts' : '';
    const image = await build(`FROM scratch\nCOPY . /\n${run}\n`);
    const { manifest } = await store.inspect(image.digest);
    assert.equal(manifest.layers.length, run === '' ? 1 : 2);
    for (const layer of manifest.layers) {
      const kept = await layerIndex(store, layer);
      await rm(join(store.directory, 'layer-index', `${layer.digest.slice('sha256:'.length)}.json`));
      assert.deepEqual(kept, await layerIndex(store, layer));
    }
  }));
