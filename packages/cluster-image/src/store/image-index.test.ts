// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kubefiles write ${NAME} themselves
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { canonicalJson } from '@seal/foundation';
import { execa } from 'execa';
import { fails, inWorkshop, type Workshop } from '../build/test-workshop.ts';
import { machineArch } from './choose-platform.ts';
import { openStore } from './image-store.ts';
import { mediaTypes } from './media-types.ts';

const archs = ['amd64', 'arm64'] as const;
const kubefile = 'FROM scratch\nLABEL arch=${ARCH}\nCOPY same same\nCOPY ${ARCH}/tool tool\n';
const other = machineArch() === 'amd64' ? 'arm64' : 'amd64';

async function buildBoth({ write, build }: Workshop) {
  await write({ same: 's', 'amd64/tool': 'a', 'arm64/tool': 'b' });
  return build(kubefile, { archs });
}

test('builds one index for several platforms, each with its own files, the same each time', () =>
  inWorkshop(async (workshop) => {
    const built = await buildBoth(workshop);
    const { store, directory } = workshop;
    const [amd, arm] = await Promise.all(archs.map((arch) => store.inspect('test', arch)));
    assert.deepEqual([amd?.labels.arch, arm?.labels.arch], ['amd64', 'arm64']);
    assert.deepEqual([amd?.arch, arm?.arch, amd?.indexDigest], ['amd64', 'arm64', built.digest]);
    assert.equal(amd?.manifest.layers[0]?.digest, arm?.manifest.layers[0]?.digest);
    assert.notEqual(amd?.manifest.layers[1]?.digest, arm?.manifest.layers[1]?.digest);
    assert.deepEqual(
      built.images.map(({ digest }) => digest),
      [amd?.digest, arm?.digest],
    );
    assert.equal(
      (await workshop.build(kubefile, { archs, store: await openStore(join(directory, 'second')) })).digest,
      built.digest,
    );
    assert.equal((await store.inspect('test')).arch, machineArch());
    await fails(
      store.inspect('test', 'riscv64'),
      'IMAGE_ARCH_MISMATCH',
      /is for linux\/amd64, linux\/arm64; linux\/riscv64 was asked/,
    );
  }));

test('lists an index as one image, counts shared layers once and keeps all its blobs', () =>
  inWorkshop(async (workshop) => {
    const { store } = workshop;
    const { digest } = await buildBoth(workshop);
    assert.deepEqual(
      (await store.list()).map((image) => [image.reference, image.digest, image.arch]),
      [['localhost/test:latest', digest, 'amd64,arm64']],
    );
    const { bytes, findings } = await store.check();
    assert.deepEqual([findings, (await store.list())[0]?.sizeBytes], [[], bytes]);
    assert.equal((await store.collectGarbage()).removedBlobs, 0);
    await store.tag('test', 'again:1');
    assert.deepEqual((await store.inspect('test')).references.toSorted(), ['localhost/again:1', 'localhost/test:latest']);
    await store.remove('test');
    assert.ok((await store.remove('again:1')).removedBlobs > 0);
    assert.equal((await store.check()).blobs, 0);
  }));

test('says which blob of which platform is missing, and names no index that lacks one', () =>
  inWorkshop(async (workshop) => {
    const { store } = workshop;
    const { digest } = await buildBoth(workshop);
    const { manifest } = await store.inspect('test', other);
    await rm(store.blobPath(manifest.layers[1]?.digest ?? ''));
    assert.deepEqual(
      (await store.check()).findings.map(({ kind, digest: each }) => [kind, each]),
      [['missing', manifest.layers[1]?.digest]],
    );
    await fails(store.putReference('x', digest), 'IMAGE_INCOMPLETE', /needs 1 blobs/);
    const empty = await store.writeBlob([Buffer.from(canonicalJson({ schemaVersion: 2, manifests: [] }))]);
    await fails(store.putReference('x', empty.digest), 'IMAGE_INVALID', /has no manifest/);
  }));

test('builds each platform on the same platform of its base', () =>
  inWorkshop(async (workshop) => {
    await workshop.build('FROM scratch\nENV A=${ARCH}\n', { archs, reference: 'base:1' });
    await workshop.build('FROM base:1\nLABEL from=$A\n', { archs });
    for (const arch of archs) assert.equal((await workshop.store.inspect('test', arch)).labels.from, arch);
    await workshop.build('FROM scratch\n', { archs: ['amd64'], reference: 'base:2' });
    await fails(
      workshop.build('FROM base:2\n', { archs }),
      'IMAGE_ARCH_MISMATCH',
      /base:2 is for linux\/amd64; linux\/arm64 was asked/,
    );
  }));

test('saves and loads an index whole, or one platform of it', () =>
  inWorkshop(async (workshop) => {
    const { store, directory } = workshop;
    const built = await buildBoth(workshop);
    const file = join(directory, 'x.tar');
    await store.save('test', file);
    const second = await openStore(join(directory, 'second'));
    assert.equal((await second.load(file))[0]?.digest, built.digest);
    assert.deepEqual((await second.check()).findings, []);
    const third = await openStore(join(directory, 'third'));
    await third.load(file, { arch: other });
    assert.deepEqual([(await third.inspect('test')).arch, (await third.inspect('test')).indexDigest], [other, undefined]);
    await store.save('test', file, 'oci-archive', other);
    assert.equal((await second.load(file, { reference: 'one' }))[0]?.digest, (await store.inspect('test', other)).digest);
    await store.save('test', file, 'docker-archive', other);
    await second.load(file, { reference: 'docker' });
    assert.equal((await second.inspect('docker')).arch, other);
  }));

test('takes one platform of an archive that has something else beside the images', () =>
  inWorkshop(async (workshop) => {
    const { store, directory } = workshop;
    await buildBoth(workshop);
    const layout = join(directory, 'layout');
    await store.save('test', join(directory, 'x.tar'));
    await execa('mkdir', [layout]);
    await execa('tar', ['-C', layout, '-xf', join(directory, 'x.tar')]);
    const { manifests } = await store.parts('test');
    const attestation = { mediaType: mediaTypes.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 2 };
    const descriptors = [
      ...manifests.map(({ descriptor }) => descriptor),
      { ...attestation, platform: { os: 'unknown', architecture: 'unknown' } },
    ];
    const index = canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: descriptors });
    await execa({ input: index })('tee', [join(layout, 'index.json')]);
    const { digest, sizeBytes } = await store.writeBlob([Buffer.from(index)]);
    await execa('cp', [store.blobPath(digest), join(layout, 'blobs/sha256', digest.slice(7))]);
    const top = { mediaType: mediaTypes.index, digest, size: sizeBytes };
    await execa({ input: canonicalJson({ schemaVersion: 2, manifests: [top] }) })('tee', [join(layout, 'index.json')]);
    await execa('tar', ['-C', layout, '-cf', join(directory, 'y.tar'), '.']);
    const second = await openStore(join(directory, 'second'));
    await second.load(join(directory, 'y.tar'), { reference: 'y' });
    assert.deepEqual([(await second.inspect('y')).arch, (await second.inspect('y')).indexDigest], [machineArch(), undefined]);
  }));

test('a docker-archive holds one platform: several are refused, the one that is named goes there and back', () =>
  inWorkshop(async (workshop) => {
    const { store, directory } = workshop;
    await buildBoth(workshop);
    const file = join(directory, 'docker.tar');
    await fails(
      store.save('test', file, 'docker-archive'),
      'USAGE',
      /is for linux\/amd64, linux\/arm64, and a docker-archive holds one/,
    );
    await store.save('test', file, 'docker-archive', 'arm64');
    const back = await openStore(join(directory, 'back'));
    await fails(back.load(file, { arch: 'amd64' }), 'IMAGE_ARCH_MISMATCH', /is for linux\/arm64; linux\/amd64 was asked for/);
    assert.deepEqual(await back.list(), []);
    const [loaded] = await back.load(file, { arch: 'arm64' });
    assert.equal((await back.inspect(loaded?.reference ?? '')).arch, 'arm64');
    assert.deepEqual(
      (await back.inspect('test')).manifest.layers.map(({ digest }) => digest),
      (await store.inspect('test', 'arm64')).manifest.layers.map(({ digest }) => digest),
    );
  }));

test('an oci-archive of one image is not taken for another platform, and one without a name takes the name that is given', () =>
  inWorkshop(async (workshop) => {
    const { store, directory } = workshop;
    const { digest } = await buildBoth(workshop);
    const file = join(directory, 'oci.tar');
    await store.save('test', file, 'oci-archive', 'arm64');
    const back = await openStore(join(directory, 'back'));
    await fails(back.load(file, { arch: 'amd64' }), 'IMAGE_ARCH_MISMATCH', /linux\/arm64; linux\/amd64 was asked for/);
    await store.putReference('test:2', digest);
    await store.remove('test');
    await store.save(digest, join(directory, 'all.tar'));
    assert.deepEqual(
      (await back.load(join(directory, 'all.tar'), { reference: 'named:1' })).map(({ reference }) => reference),
      ['localhost/named:1'],
    );
  }));
