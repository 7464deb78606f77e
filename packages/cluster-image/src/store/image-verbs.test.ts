import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuiltImage } from '../build/build-image.ts';
import { fails, filesOf, inWorkshop, type Workshop } from '../build/test-workshop.ts';
import { diffImages } from './diff-images.ts';
import { readExtension } from './image-extension.ts';
import { addedAnnotation } from './index-file.ts';
import { mergeImages } from './merge-images.ts';
import { pruneStore } from './prune-store.ts';
import { repairStore } from './repair-store.ts';

const blobsOf = (workshop: Workshop) => readdir(join(workshop.store.directory, 'blobs/sha256'));
const rootfsOf = (workshop: Workshop, digest: string) => workshop.rootfs({ digest } as BuiltImage);

async function buildThree({ write, build }: Workshop) {
  await write({ 'base/scripts/init.sh': 'init', 'base/etc/conf': 'of the base', 'base/same': 's' });
  await write({ 'one/etc/conf': 'of one', 'one/app/one': '1', 'two/app/two': '2' });
  await build('FROM scratch\nLABEL who=base base=yes\nENV A=base PATH=/x\nCMD ["first"]\nCOPY base .\n', { reference: 'kube:1' });
  await build('FROM scratch\nLABEL who=one sealos.io.type=application\nENV A=one\nCMD ["second"]\nCOPY one .\n', {
    reference: 'one:1',
  });
  await build('FROM scratch\nLABEL sealos.io.type=application\nENV B=two\nCOPY two .\n', {
    reference: 'two:1',
  });
}

test('merge lays what makes a cluster below and the others over it in their order; no layer is copied', () =>
  inWorkshop(async (workshop) => {
    await buildThree(workshop);
    const { store } = workshop;
    const before = await blobsOf(workshop);
    const merged = await mergeImages(store, ['one:1', 'kube:1', 'two:1'], 'all:1');
    assert.deepEqual(merged.order, ['localhost/kube:1', 'localhost/one:1', 'localhost/two:1']);
    assert.equal((await blobsOf(workshop)).length, before.length + 2);
    const rootfs = await rootfsOf(workshop, merged.digest);
    assert.equal(await readFile(join(rootfs, 'etc/conf'), 'utf8'), 'of one');
    assert.deepEqual(await filesOf(rootfs), ['app/one', 'app/two', 'etc/conf', 'same', 'scripts/init.sh']);
    const { config, labels, manifest } = await store.inspect('all:1');
    assert.deepEqual([labels.who, labels.base, labels['sealos.io.type']], ['one', 'yes', 'rootfs']);
    assert.deepEqual(
      [config.config?.Env, config.config?.Cmd],
      [
        ['A=one', 'B=two'],
        ['first', 'second'],
      ],
    );
    assert.equal(readExtension(manifest, config).kind, 'kube-installer');
    assert.deepEqual((await store.check()).findings, []);
    assert.equal((await mergeImages(store, ['one:1', 'kube:1', 'two:1'], 'again:1')).digest, merged.digest);
  }));

test('merge keeps a layer that several images have once, where it comes last', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await buildThree(workshop);
    await write({ 'more/etc/extra': 'x' });
    await build('FROM kube:1\nLABEL sealos.io.type=application\nCOPY more .\n', { reference: 'grown:1' });
    const { digest } = await mergeImages(store, ['kube:1', 'one:1', 'grown:1'], 'all:1');
    const { manifest } = await store.inspect('all:1');
    assert.equal(manifest.layers.length, 3);
    assert.equal(await readFile(join(await rootfsOf(workshop, digest), 'etc/conf'), 'utf8'), 'of the base');
  }));

test('merge of images for several platforms makes an index of those that all have', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await write({ a: '1', b: '2' });
    await build('FROM scratch\nCOPY a .\n', { reference: 'a:1', archs: ['amd64', 'arm64'] });
    await build('FROM scratch\nLABEL sealos.io.type=patch\nCOPY b .\n', { reference: 'b:1', archs: ['amd64', 'arm64'] });
    await build('FROM scratch\nLABEL sealos.io.type=patch\nCOPY b .\n', { reference: 'arm:1', archs: ['arm64'] });
    const both = await mergeImages(store, ['a:1', 'b:1'], 'both:1');
    assert.deepEqual(
      (await store.parts('both:1')).manifests.map(({ descriptor }) => descriptor.platform?.architecture),
      ['amd64', 'arm64'],
    );
    assert.equal((await store.inspect('both:1')).indexDigest, both.digest);
    assert.deepEqual(
      (await mergeImages(store, ['a:1', 'arm:1'], 'some:1')).platforms.map(({ arch }) => arch),
      ['arm64'],
    );
    await fails(
      mergeImages(store, ['a:1', 'arm:1'], 'x:1', { archs: ['amd64'] }),
      'IMAGE_ARCH_MISMATCH',
      /arm:1 is for linux\/arm64/,
    );
    await build('FROM scratch\nLABEL sealos.io.type=patch\nCOPY b .\n', { reference: 'amd:1', archs: ['amd64'] });
    await fails(
      mergeImages(store, ['arm:1', 'amd:1'], 'x:1'),
      'IMAGE_ARCH_MISMATCH',
      /no platform in common: arm:1 is for arm64; amd:1/,
    );
  }));

test('merge refuses two that make a cluster, two apps of one name, and one image alone', () =>
  inWorkshop(async ({ store, build, write }) => {
    await write({ 'scripts/a': '1', 'a.sh': 'echo', 'b.sh': 'echo' });
    await build('FROM scratch\nCOPY scripts scripts\n', { reference: 'a:1' });
    await build('FROM scratch\nCOPY scripts other\n', { reference: 'b:1', kind: 'kube-installer' });
    await fails(mergeImages(store, ['a:1', 'b:1'], 'x:1'), 'IMAGES_CONTRADICTORY', /a:1 and localhost\/b:1 both make a cluster/);
    await fails(mergeImages(store, ['a:1'], 'x:1'), 'USAGE', /takes two or more/);
    await build('FROM scratch\nAPP web local://a.sh\nLAUNCH ["web"]\n', { reference: 'web1:1' });
    await build('FROM scratch\nAPP web local://b.sh\nLAUNCH ["web"]\n', { reference: 'web2:1' });
    await fails(mergeImages(store, ['web1:1', 'web2:1'], 'x:1'), 'IMAGES_CONTRADICTORY', /both have an app "web"/);
  }));

test('diff tells what was added, removed and changed, with sizes and layers, and what is set otherwise', () =>
  inWorkshop(async ({ store, build, write, context }) => {
    await write({ 'a/same': 's', 'a/gone': 'bye', 'a/text': 'old', 'a/tool': 't' });
    await build('FROM scratch\nLABEL v=1 w=1\nENV A=1\nCOPY a .\n', { reference: 'a:1' });
    await write({ 'b/text': 'newer', 'b/fresh': '123456' });
    await build('FROM a:1\nLABEL v=2\nENV B=2\nCOPY b .\nCOPY --chmod=755 a/tool tool\nCMD ["x"]\n', { reference: 'b:1' });
    const own = await store.inspect('a:1');
    const grown = await diffImages(store, own, await store.inspect('b:1'));
    const { layers } = (await store.inspect('b:1')).manifest;
    const [base, texts, tool] = layers.map(({ digest }) => digest);
    assert.deepEqual(grown.added, [{ path: 'fresh', kind: 'file', sizeBytes: 6, layer: texts }]);
    assert.deepEqual(grown.changed, [
      {
        path: 'text',
        what: ['content'],
        before: { kind: 'file', sizeBytes: 3, layer: base },
        after: { kind: 'file', sizeBytes: 5, layer: texts },
      },
      {
        path: 'tool',
        what: ['mode'],
        before: { kind: 'file', sizeBytes: 1, layer: base },
        after: { kind: 'file', sizeBytes: 1, layer: tool },
      },
    ]);
    assert.deepEqual([grown.removed, grown.removedLayers, grown.commonLayers], [[], [], 1]);
    assert.deepEqual(
      grown.addedLayers.map(({ digest }) => digest),
      [texts, tool],
    );
    assert.deepEqual(grown.settings, [
      { name: 'cmd', after: 'x' },
      { name: 'env B', after: '2' },
      { name: 'label v', before: '1', after: '2' },
    ]);
    const back = await diffImages(store, await store.inspect('b:1'), own);
    assert.deepEqual(
      back.removed.map(({ path }) => path),
      ['fresh'],
    );
    // The same files in another layer are no difference.
    await writeFile(join(context, 'a/text'), 'old');
    await build('FROM scratch\nLABEL v=1 w=1\nENV A=1\nCOPY a/same a/gone a/text ./\nCOPY a/tool ./\n', { reference: 'c:1' });
    const { added, removed, changed, settings } = await diffImages(store, own, await store.inspect('c:1'));
    assert.deepEqual([added, removed, changed, settings], [[], [], [], []]);
  }));

test('prune takes nameless images, their blobs, beginnings of downloads and stale records; a dry run says the same and takes nothing', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await write({ 'a/f': 'one', 'b/f': 'two' });
    const old = await build('FROM scratch\nCOPY a .\n', { reference: 'app:1' });
    await build('FROM scratch\nCOPY b .\n', { reference: 'app:1' });
    await mkdir(join(store.directory, 'downloads'));
    await writeFile(join(store.directory, 'downloads', 'a'.repeat(64)), 'begun');
    const before = await blobsOf(workshop);
    const dry = await pruneStore(store, { dryRun: true });
    assert.deepEqual(await blobsOf(workshop), before);
    assert.deepEqual(
      dry.images.map(({ digest, reference }) => [digest, reference]),
      [[old.digest, undefined]],
    );
    assert.deepEqual([dry.blobs, dry.downloads, dry.downloadBytes], [3, 1, 5]);
    const done = await pruneStore(store);
    assert.deepEqual(done, dry);
    assert.equal((await blobsOf(workshop)).length, before.length - 3);
    assert.deepEqual((await store.check()).findings, []);
    assert.deepEqual(await pruneStore(store), {
      ...done,
      images: [],
      blobs: 0,
      blobBytes: 0,
      downloads: 0,
      downloadBytes: 0,
      cacheRecords: 0,
      freedBytes: 0,
    });
    assert.equal((await build('FROM scratch\nCOPY b .\n', { reference: 'app:1' })).layers[0]?.cached, true);
    assert.ok((await pruneStore(store, { buildCache: true })).cacheRecords > 0);
    assert.equal((await build('FROM scratch\nCOPY b .\n', { reference: 'app:1' })).layers[0]?.cached, false);
  }));

test('prune by age takes named images that came before, and leaves what is used; what a session works with stays', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await write({ 'a/f': 'one', 'b/f': 'two' });
    const a = await build('FROM scratch\nCOPY a .\n', { reference: 'a:1' });
    await build('FROM scratch\nCOPY b .\n', { reference: 'b:1' });
    const path = join(store.directory, 'index.json');
    const index = JSON.parse(await readFile(path, 'utf8'));
    for (const entry of index.manifests) entry.annotations[addedAnnotation] = '1000';
    await writeFile(path, JSON.stringify(index));
    assert.deepEqual((await pruneStore(store, { addedBeforeMs: 1000 })).images, []);
    const kept = await pruneStore(store, { addedBeforeMs: 2000, used: new Set([a.digest]) });
    assert.deepEqual(
      kept.images.map(({ reference }) => reference),
      ['localhost/b:1'],
    );
    const session = await store.openSession('build');
    const { digest } = await store.writeBlob([Buffer.from('wanted soon')]);
    await pruneStore(store);
    assert.notEqual(await store.blobSize(digest), undefined);
    await session.close();
    await utimes(store.blobPath(digest), 1, 1);
    assert.equal((await pruneStore(store)).blobs, 1);
  }));

test('prune removes nothing where the manifest of an image that stays cannot be read', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await write({ 'a/f': 'one' });
    const { digest } = await build('FROM scratch\nCOPY a .\n', { reference: 'a:1' });
    await store.writeBlob([Buffer.from('nobody needs this')]);
    await writeFile(store.blobPath(digest), '{}');
    const before = await blobsOf(workshop);
    await fails(pruneStore(store), 'IMAGE_STORE_DAMAGED', /a:1 cannot be read.* nothing was removed/);
    assert.deepEqual(await blobsOf(workshop), before);
  }));

test('a list shows images that cannot be read among the others, with why', () =>
  inWorkshop(async ({ store, build, write }) => {
    await write({ 'a/f': 'one' });
    await build('FROM scratch\nCOPY a .\n', { reference: 'a:1' });
    const { digest } = await build('FROM scratch\nLABEL b=1\nCOPY a .\n', { reference: 'b:1' });
    await writeFile(store.blobPath(digest), '{}');
    const [a, b] = await store.list();
    assert.deepEqual([a?.reference, a?.damage, b?.reference, b?.arch], ['localhost/a:1', undefined, 'localhost/b:1', '']);
    assert.match(b?.damage ?? '', /do not have that digest any more/);
    await store.remove('b:1');
    assert.deepEqual((await store.check()).findings, []);
  }));

test('repair deletes blobs of other bytes, after which the next build makes the image whole again', () =>
  inWorkshop(async (workshop) => {
    const { store, build, write } = workshop;
    await write({ 'a/f': 'one', 'a/g': 'two' });
    const { layers } = await build('FROM scratch\nCOPY a .\n', { reference: 'a:1' });
    const layer = layers[0]!.digest;
    const bytes = await readFile(store.blobPath(layer));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(store.blobPath(layer), bytes);
    const found = await store.check();
    assert.deepEqual(
      found.findings.map(({ kind, digest }) => [kind, digest]),
      [['damaged', layer]],
    );
    assert.deepEqual(
      (await repairStore(store, found)).map(({ digest }) => digest),
      [layer],
    );
    assert.deepEqual(
      (await store.check()).findings.map(({ kind, image }) => [kind, image]),
      [['missing', 'localhost/a:1']],
    );
    await build('FROM scratch\nCOPY a .\n', { reference: 'a:1' });
    assert.deepEqual((await store.check()).findings, []);
    assert.deepEqual(await repairStore(store, found), []);
  }));
