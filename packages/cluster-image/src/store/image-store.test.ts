import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem, type ProblemCode, sha256Digest } from '@seal/foundation';
import { execa } from 'execa';
import { buildImage } from '../build/build-image.ts';
import { readInventory } from '../rootfs/read-inventory.ts';
import { type ImageStore, openStore } from './image-store.ts';
import { tryLock } from './lock-file.ts';
import { sweepSessions } from './session.ts';

interface Room {
  readonly directory: string;
  readonly store: ImageStore;
  /** An image with the given files, one layer. */
  image(reference: string, files: Record<string, string>, kubefile?: string): Promise<string>;
}

async function inRoom(work: (room: Room) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-store-'));
  const store = await openStore(join(directory, 'store'));
  let count = 0;
  const image = async (reference: string, files: Record<string, string>, kubefile = 'FROM scratch\nCOPY . .\n') => {
    count += 1;
    const context = join(directory, `context-${count}`);
    await mkdir(context);
    for (const [name, text] of Object.entries(files)) await writeFile(join(context, name), text);
    await writeFile(join(directory, 'Kubefile'), kubefile);
    return (await buildImage({ context, kubefile: join(directory, 'Kubefile'), store, reference, archs: ['amd64'] })).digest;
  };
  try {
    await work({ directory, store, image });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function fails(work: Promise<unknown>, code: ProblemCode, message?: RegExp): Promise<Problem> {
  let problem: Problem | undefined;
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof Problem, String((thrown as Error).stack));
    assert.equal(thrown.code, code, thrown.message);
    if (message) assert.match(thrown.message, message);
    problem = thrown;
    return true;
  });
  return problem as Problem;
}

const blobsOf = async (store: ImageStore) => readdir(join(store.directory, 'blobs', 'sha256'));

test('finds an image by name, digest and the beginning of a digest', () =>
  inRoom(async ({ store, image }) => {
    const digest = await image('kubernetes:1.20.2', { a: '1' });
    for (const name of [
      'kubernetes:1.20.2',
      'localhost/kubernetes:1.20.2',
      digest,
      digest.slice(7, 19),
      digest.slice(0, 20),
      `kubernetes@${digest}`,
    ])
      assert.equal((await store.resolve(name)).digest, digest, name);
    await fails(
      store.resolve('kubernetes'),
      'IMAGE_NOT_FOUND',
      /no image "kubernetes" in the store; the store has: localhost\/kubernetes:1\.20\.2/,
    );
    await fails(store.resolve('Bad'), 'IMAGE_REFERENCE_INVALID');
  }));

test('lists names with size, architecture and time', () =>
  inRoom(async ({ store, image }) => {
    const started = Date.now();
    const digest = await image('b:1', { a: '1' }, 'FROM scratch\nLABEL x=y sealos.io.type=rootfs\nCOPY . .\n');
    await store.tag('b:1', 'a');
    const images = await store.list();
    assert.deepEqual(
      images.map(({ reference, digest: each, arch, labels }) => [reference, each, arch, labels]),
      [
        ['localhost/a:latest', digest, 'amd64', { x: 'y', 'sealos.io.type': 'rootfs' }],
        ['localhost/b:1', digest, 'amd64', { x: 'y', 'sealos.io.type': 'rootfs' }],
      ],
    );
    assert.ok(images.every(({ addedAtMs }) => addedAtMs >= started));
    const sizes = await Promise.all(
      (await blobsOf(store)).map(async (hex) => (await stat(join(store.directory, 'blobs/sha256', hex))).size),
    );
    assert.equal(
      images[0]?.sizeBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  }));

test('keeps an image whose name was given to another, and removes it by digest', () =>
  inRoom(async ({ store, image }) => {
    const first = await image('x', { a: '1' });
    const second = await image('x', { a: '2' });
    assert.deepEqual(
      (await store.list()).map(({ reference, digest }) => [reference, digest]),
      [
        ['localhost/x:latest', second],
        [undefined, first],
      ],
    );
    await store.remove(first);
    assert.equal((await store.list()).length, 1);
    await store.readManifest(second);
    await fails(store.readManifest(first), 'IMAGE_NOT_FOUND');
  }));

test('removes the blobs that no image needs any more, and those alone', () =>
  inRoom(async ({ store, image }) => {
    await image('one', { shared: 's', own: '1' }, 'FROM scratch\nCOPY shared shared\nCOPY own own\n');
    const kept = await image('two', { shared: 's', own: '2' }, 'FROM scratch\nCOPY shared shared\nCOPY own own\n');
    assert.equal((await blobsOf(store)).length, 7);
    const { removedBlobs, freedBytes } = await store.remove('one');
    assert.deepEqual([removedBlobs, freedBytes > 0, (await blobsOf(store)).length], [3, true, 4]);
    assert.deepEqual((await readInventory(store, await store.readManifest(kept))).paths, ['own', 'shared']);
    await store.remove('two');
    assert.deepEqual([await blobsOf(store), await readdir(join(store.directory, 'layer-index'))], [[], []]);
  }));

test('refuses to remove by digest what has several names, and takes one name away at a time', () =>
  inRoom(async ({ store, image }) => {
    const digest = await image('one', { a: '1' });
    await store.tag('one', 'two');
    await fails(store.remove(digest), 'IMAGE_AMBIGUOUS', /2 names: localhost\/one:latest, localhost\/two:latest/);
    await store.remove('one');
    assert.equal((await store.resolve('two')).digest, digest);
    await store.remove(digest.slice(7, 20));
    assert.deepEqual(await store.list(), []);
  }));

test('does not collect what a living session of another process has written or touched', () =>
  inRoom(async ({ store, image }) => {
    await image('x', { a: '1' });
    const session = await store.openSession('build');
    const { digest } = await store.writeBlob([Buffer.from('wanted soon')]);
    await store.remove('x');
    assert.equal(await store.hasBlob(digest), true);
    await session.close();
    await store.collectGarbage();
    assert.equal(await store.hasBlob(digest), false);
  }));

test('keeps blobs without an image for the grace time, if there is one', () =>
  inRoom(async ({ directory }) => {
    const server = await openStore(join(directory, 'server'), { orphanGraceSeconds: 3600 });
    const { digest } = await server.writeBlob([Buffer.from('uploaded')]);
    await server.collectGarbage();
    assert.equal(await server.hasBlob(digest), true);
  }));

test('refuses bytes that do not fit their digest, and keeps nothing of them', () =>
  inRoom(async ({ store, directory }) => {
    const digest = sha256Digest('right');
    await fails(store.writeBlob([Buffer.from('wrong')], digest), 'BLOB_DIGEST_MISMATCH');
    await fails(store.writeBlob([Buffer.from('right')], digest, { maximumBytes: 3 }), 'BLOB_DIGEST_MISMATCH', /more than the 3/);
    const upload = join(directory, 'upload');
    await writeFile(upload, 'wrong');
    await fails(store.adoptBlob(upload, digest), 'BLOB_DIGEST_MISMATCH');
    await assert.rejects(stat(upload), { code: 'ENOENT' });
    assert.deepEqual([await blobsOf(store), await readdir(join(store.directory, 'tmp'))], [[], []]);
    await writeFile(upload, 'right');
    assert.deepEqual(await store.adoptBlob(upload, digest), { digest, sizeBytes: 5 });
    assert.throws(() => store.blobPath('sha256:../../etc/passwd'), /is not a digest/);
  }));

test('names an image only when all its blobs are there', () =>
  inRoom(async ({ store, directory, image }) => {
    const digest = await image('x', { a: '1' });
    const other = await openStore(join(directory, 'other'));
    const manifest = await store.readManifest(digest);
    await other.writeBlob([await readFile(store.blobPath(digest))], digest);
    const problem = await fails(other.putReference('x', digest), 'IMAGE_INCOMPLETE');
    const needed = [manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)];
    assert.deepEqual(problem.details.missing, needed);
    for (const each of needed) await other.writeBlob([await readFile(store.blobPath(each))], each);
    await other.putReference('x', digest);
    assert.equal((await other.inspect('x')).digest, digest);
    const { digest: nonsense } = await other.writeBlob([Buffer.from('{"schemaVersion":2}')]);
    await fails(other.putReference('y', nonsense), 'IMAGE_INVALID', /not valid at "config"/);
  }));

for (const format of ['oci-archive', 'docker-archive'] as const) {
  test(`loads in another store what it saved as ${format}`, () =>
    inRoom(async ({ store, directory, image }) => {
      await image('x:1', { a: '1', b: '2' }, 'FROM scratch\nENV A=b\nCOPY a a\nCOPY b b\nCMD x\n');
      const file = join(directory, 'image.tar');
      const first = await store.save('x:1', file, format);
      assert.deepEqual(await store.save('x:1', file, format), first, 'the same image gives the same bytes');
      const other = await openStore(join(directory, 'other'));
      const [loaded] = await other.load(file);
      assert.equal(loaded?.reference, 'localhost/x:1');
      const [saved, taken] = [await store.inspect('x:1'), await other.inspect('x:1')];
      assert.deepEqual(taken.manifest.layers, saved.manifest.layers);
      // A docker-archive has no place for the annotation.
      assert.equal(taken.digest === saved.digest, format === 'oci-archive');
      assert.deepEqual(taken.config, saved.config);
      assert.deepEqual((await other.check()).findings, []);
      await other.load(file, { reference: 'renamed' });
      assert.equal((await other.resolve('renamed')).digest, loaded?.digest);
    }));
}

test('reads archives that are compressed, and refuses those that are no image, are cut or were altered', () =>
  inRoom(async ({ store, directory, image }) => {
    await image('x', { a: '1'.repeat(1000) });
    const file = join(directory, 'image.tar');
    await store.save('x', file);
    await execa('gzip', ['-k', file]);
    const other = await openStore(join(directory, 'other'));
    assert.equal((await other.load(`${file}.gz`)).length, 1);
    await other.remove('x');
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, whole.length - 3000));
    await fails(other.load(file), 'LAYER_CORRUPT');
    const altered = Buffer.from(whole);
    altered.writeUInt8((altered.at(-1600) ?? 0) ^ 1, altered.length - 1600);
    await writeFile(file, altered);
    await assert.rejects(other.load(file), Problem);
    await execa('tar', ['-C', directory, '-cf', file, 'Kubefile']);
    await fails(other.load(file), 'IMAGE_INVALID', /neither an oci-archive nor a docker-archive/);
    await fails(other.load(join(directory, 'none')), 'FILE_UNUSABLE', /there is no file/);
    assert.deepEqual([await other.list(), await readdir(join(other.directory, 'tmp'))], [[], []]);
  }));

test('tells what is damaged, missing and left over', () =>
  inRoom(async ({ store, image }) => {
    const digest = await image('x', { a: '1' }, 'FROM scratch\nCOPY a a\nCOPY a b\n');
    assert.deepEqual((await store.check()).findings, []);
    const [first, second] = (await store.readManifest(digest)).layers;
    await writeFile(store.blobPath(first?.digest as string), Buffer.alloc(first?.size ?? 0));
    await rm(store.blobPath(second?.digest as string));
    await store.writeBlob([Buffer.from('left over')]);
    const { findings, unreferencedBlobs } = await store.check();
    assert.deepEqual(
      findings.map(({ kind, digest: each }) => [kind, each]),
      [
        ['missing', second?.digest],
        ['damaged', first?.digest],
      ],
    );
    assert.equal(unreferencedBlobs, 1);
  }));

test('lets several processes name images at once without losing any', () =>
  inRoom(async ({ store, image }) => {
    const digest = await image('x', { a: '1' });
    const script = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, 'image-store.ts'))};
      const store = await openStore(process.argv[1]);
      for (let index = 0; index < 5; index += 1) await store.tag(process.argv[2], 'p' + process.argv[3] + ':' + index);`;
    await Promise.all(
      ['1', '2', '3'].map((number) =>
        execa(process.execPath, ['--input-type=module', '-e', script, store.directory, digest, number]),
      ),
    );
    assert.equal((await store.list()).length, 16);
    assert.deepEqual((await store.check()).findings, []);
  }));

test('sweeps what a killed process left, and gives its lock back', () =>
  inRoom(async ({ store }) => {
    const script = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, 'image-store.ts'))};
      import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'lock-file.ts'))};
      import { writeFile } from 'node:fs/promises';
      const store = await openStore(process.argv[1]);
      const session = await store.openSession('build');
      await writeFile(session.path('half'), 'half a layer');
      globalThis.held = [session, tryLock(process.argv[1] + '/lock')];
      console.log('ready');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, store.directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      assert.equal(tryLock(join(store.directory, 'lock')), undefined);
      assert.equal(await sweepSessions(store.directory), 0, 'a living session stays');
      assert.equal((await readdir(join(store.directory, 'tmp'))).length, 2);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    await openStore(store.directory);
    assert.deepEqual(await readdir(join(store.directory, 'tmp')), []);
  }));
