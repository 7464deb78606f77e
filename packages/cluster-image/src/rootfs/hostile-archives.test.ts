import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Problem, sha256Digest } from '@seal/foundation';
import fc from 'fast-check';
import tar from 'tar-stream';
import { buildImage } from '../build/build-image.ts';
import { diffImages } from '../store/diff-images.ts';
import { type ImageStore, openStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import { archivedNames } from './archived-names.ts';
import { layerIndex } from './layer-index.ts';
import { readInventory } from './read-inventory.ts';
import { RootfsTree } from './rootfs-tree.ts';
import { unpackLayer } from './unpack-layer.ts';

type Entry = Partial<tar.Header> & { name: string; text?: string };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { text, ...header } of entries) pack.entry({ mtime: new Date(0), ...header }, text ?? '');
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

interface Room {
  readonly directory: string;
  readonly store: ImageStore;
  /** A path in the room that nothing has yet. */
  fresh(): string;
}

/**
 * Runs the property with one store, which is emptied after each run, and a bystander beside it that no archive may touch. Making a store for
 * each run would take most of the time.
 */
async function holds<T>(
  arbitrary: fc.Arbitrary<T>,
  numRuns: number,
  property: (value: T, room: Room) => Promise<void>,
): Promise<void> {
  // In memory where that can be: a store waits for the disk at every blob.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = await mkdtemp(join(parent, 'seal-hostile-'));
  try {
    await writeFile(join(directory, 'outside'), 'untouched');
    await mkdir(join(directory, 'work'));
    const store = await openStore(join(directory, 'store'));
    let count = 0;
    const fresh = () => {
      count += 1;
      return join(directory, 'work', String(count));
    };
    const run = async (value: T) => {
      await property(value, { directory, store, fresh });
      assert.equal(await readFile(join(directory, 'outside'), 'utf8'), 'untouched');
      assert.equal((await stat(join(directory, 'outside'))).nlink, 1);
      assert.deepEqual((await readdir(directory)).sort(), ['outside', 'store', 'work']);
      assert.deepEqual(await readdir(join(store.directory, 'tmp')), []);
      for (const { reference, digest } of await store.list()) await store.remove(reference ?? digest);
    };
    await fc.assert(fc.asyncProperty(arbitrary, run), { numRuns });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const isProblem = (thrown: unknown) => assert.ok(thrown instanceof Problem, String((thrown as Error).stack));

const part = fc.constantFrom('a', 'b', '..', '.', 'l', 'outside', '', '.wh.a', '.wh..wh..opq', 'images', 'x.tar', 'etc');
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/') || '.');
const anyPath = fc.oneof(
  path,
  path.map((text) => `/${text}`),
  path.map((text) => `${text}/`),
  path.map((text) => `../../${text}`),
);
const entries: fc.Arbitrary<Entry[]> = fc.array(
  fc
    .record({
      name: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', 'a/b', 'l/a', 'images/x.tar', 'Metadata') }, anyPath),
      type: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom('file' as const, 'directory' as const) },
        fc.constantFrom('symlink' as const, 'link' as const, 'fifo' as const, 'character-device' as const),
      ),
      linkname: fc.oneof(fc.constantFrom('a', 'b'), anyPath),
    })
    .map((entry) => (entry.type === 'file' ? { ...entry, text: 'x' } : entry)),
  { maxLength: 8 },
);

const layerFile = async (store: ImageStore, archive: Buffer) => {
  const { digest, sizeBytes } = await store.writeBlob([archive]);
  return { digest, size: sizeBytes, mediaType: mediaTypes.layerPlain };
};

test('what the server reads of a layer is what the node unpacks: it refuses no layer that unpacks, and takes no path that does not come', () =>
  holds(entries, 100, async (list, { store, fresh }) => {
    const layer = await layerFile(store, await tarOf(list));
    const target = fresh();
    const source = { path: store.blobPath(layer.digest), mediaType: layer.mediaType };
    const unpacked = await unpackLayer(source, target, { durable: false }).then(
      () => true,
      (thrown) => void isProblem(thrown),
    );
    const index = await layerIndex(store, layer).catch((thrown) => void isProblem(thrown));
    if (!unpacked) return;
    assert.ok(index, 'it unpacks and is not read');
    const tree = new RootfsTree();
    tree.apply(index);
    const files = (await readdir(target, { recursive: true, withFileTypes: true }))
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.wh.'))
      .map((entry) => join(entry.parentPath, entry.name).slice(target.length + 1));
    assert.deepEqual(tree.leafPaths(), files.sort());
  }));

test('inventory and comparison of images with any layers end with an answer or a Problem', () =>
  holds(fc.tuple(entries, entries), 40, async ([first, second], { store }) => {
    const image = async (list: Entry[], name: string) => {
      const archive = await tarOf(list);
      const write = async (value: unknown) => store.writeBlob([Buffer.from(JSON.stringify(value))]);
      const layer = await layerFile(store, archive);
      const rootfs = { type: 'layers', diff_ids: [sha256Digest(archive)] };
      const config = await write({ architecture: 'amd64', os: 'linux', rootfs });
      const descriptor = { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes };
      const { digest } = await write({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers: [layer] });
      await store.putReference(name, digest);
      return store.inspect(name);
    };
    const [a, b] = [await image(first, 'a:1'), await image(second, 'b:1')];
    await readInventory(store, a.manifest).catch(isProblem);
    await diffImages(store, a, b).catch(isProblem);
  }));

test('ADD of any archive gives an image that unpacks, or a Problem with file and line; the store stays whole', () =>
  holds(fc.tuple(entries, fc.boolean()), 25, async ([list, compressed], { store, fresh }) => {
    const context = fresh();
    await mkdir(context);
    const archive = await tarOf(list);
    await writeFile(join(context, 'any.tar'), compressed ? gzipSync(archive) : archive);
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nADD any.tar into\n');
    const built = await buildImage({ context, reference: 'x', store }).catch((thrown) => {
      isProblem(thrown);
      assert.match((thrown as Problem).message, /^Kubefile:2:/);
    });
    for (const { digest } of built?.layers ?? []) {
      const source = { path: store.blobPath(digest), mediaType: mediaTypes.layerGzip, expectedDigest: digest };
      await unpackLayer(source, fresh(), { durable: false });
    }
    assert.deepEqual((await store.check()).findings, []);
  }));

test('the names in an archive of images are read within bounds, however it is made', async () => {
  const names = async (list: Entry[], bounds: object = {}, path = 'images/x.tgz') => {
    const bytes = gzipSync(await tarOf(list));
    const body = async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    };
    return archivedNames(path, body(), { descriptionBytes: 1000, bytes: 100_000, ratio: 10, ...bounds });
  };
  const manifest = { name: 'manifest.json', text: JSON.stringify([{ RepoTags: ['a:1'] }]) };
  assert.deepEqual(await names([manifest]), ['a:1']);
  const zeros = { name: 'layer.tar', text: '0'.repeat(500_000) };
  assert.deepEqual(await names([zeros, manifest]), []);
  assert.deepEqual(await names([zeros, manifest], { ratio: 1000 }), ['a:1']);
  assert.deepEqual(await names(Array.from({ length: 60 }, () => manifest)), []);
  assert.deepEqual(await names([{ ...manifest, text: '[{"RepoTags":3},7,null]' }]), []);
  assert.deepEqual(await names([manifest], {}, 'images/x.tar'), []);
  await fc.assert(
    fc.asyncProperty(entries, async (list) => {
      assert.ok(Array.isArray(await names([...list, manifest])));
    }),
    { numRuns: 50 },
  );
});

/** A whole archive, as it would be, then damaged: entries left out, doubled, renamed, turned into links, bytes changed, cut. */
const damage = fc.array(
  fc.record({
    kind: fc.constantFrom('drop', 'double', 'rename', 'link', 'symlink', 'flip', 'fifo'),
    at: fc.nat(100),
    path: anyPath,
    byte: fc.nat(5000),
  }),
  { minLength: 1, maxLength: 3 },
);

for (const format of ['oci-archive', 'docker-archive'] as const)
  test(`load of a damaged or hostile ${format} gives whole images or a Problem, and nothing lies anywhere else`, async () => {
    const origin = await mkdtemp(join(tmpdir(), 'seal-hostile-origin-'));
    const author = await openStore(join(origin, 'store'));
    await mkdir(join(origin, 'context/etc'), { recursive: true });
    await writeFile(join(origin, 'context/etc/motd'), 'hello');
    await writeFile(join(origin, 'context/Kubefile'), 'FROM scratch\nCOPY etc etc\nCOPY etc more\n');
    await buildImage({ context: join(origin, 'context'), reference: 'x:1', store: author });
    await author.save('x:1', join(origin, 'x.tar'), format);
    const whole = await readEntries(join(origin, 'x.tar'));
    await rm(origin, { recursive: true, force: true });
    await holds(fc.tuple(damage, fc.option(fc.nat(20_000))), 50, async ([damages, cut], { store, fresh }) => {
      let list = whole;
      for (const each of damages) list = damaged(list, each);
      const bytes = await tarOf(list as unknown as Entry[]);
      const file = fresh();
      await writeFile(file, cut === null ? bytes : bytes.subarray(0, cut));
      const loaded = await store.load(file).catch((thrown) => {
        isProblem(thrown);
        return [];
      });
      for (const { reference } of loaded) await readInventory(store, (await store.inspect(reference)).manifest).catch(isProblem);
      assert.deepEqual((await store.check()).findings, []);
    });
  });

interface WholeEntry {
  readonly name: string;
  readonly type: string;
  readonly linkname?: string;
  readonly text: Buffer | '';
}

async function readEntries(file: string): Promise<WholeEntry[]> {
  const extract = tar.extract();
  extract.end(await readFile(file));
  const list: WholeEntry[] = [];
  for await (const entry of extract) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
    list.push({ name: entry.header.name, type: 'file', text: Buffer.concat(chunks) });
  }
  return list;
}

function damaged(
  list: readonly WholeEntry[],
  { kind, at, path: written, byte }: { kind: string; at: number; path: string; byte: number },
): WholeEntry[] {
  const index = at % list.length;
  const entry = list[index]!;
  const put = (...replacement: WholeEntry[]) => [...list.slice(0, index), ...replacement, ...list.slice(index + 1)];
  switch (kind) {
    case 'drop':
      return list.length > 1 ? put() : [...list];
    case 'double':
      return [...list, { name: entry.name, type: 'file', text: Buffer.from('{}') }];
    case 'rename':
      return put({ ...entry, name: written });
    case 'link':
    case 'symlink':
      return put({ name: entry.name, type: kind, linkname: byte % 2 === 0 ? written : list[byte % list.length]!.name, text: '' });
    case 'fifo':
      return put({ name: written, type: 'fifo', text: '' }, entry);
    default: {
      if (entry.text === '') return [...list];
      const text = Buffer.from(entry.text);
      if (text.length > 0) text[byte % text.length]! ^= 1;
      return put({ ...entry, text });
    }
  }
}
