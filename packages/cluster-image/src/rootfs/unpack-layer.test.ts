import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Problem, type ProblemCode, sha256Digest } from '@seal/foundation';
import { execa } from 'execa';
import fc from 'fast-check';
import tar from 'tar-stream';
import { mediaTypes } from '../store/media-types.ts';
import { removePartialLayers, unpackLayer } from './unpack-layer.ts';

type Entry = Partial<tar.Header> & { name: string; text?: string };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { text, ...header } of entries) pack.entry({ mtime: new Date(0), ...header }, text ?? '');
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** A directory of its own with a layer file in it; `outside` is a bystander that no archive may touch. */
async function inRoom(
  work: (room: {
    unpack: (bytes: Uint8Array, mediaType?: string) => Promise<unknown>;
    target: string;
    directory: string;
  }) => Promise<void>,
) {
  const directory = await mkdtemp(join(tmpdir(), 'seal-unpack-'));
  try {
    await writeFile(join(directory, 'outside'), 'untouched');
    const target = join(directory, 'layers', 'target');
    const unpack = async (bytes: Uint8Array, mediaType: string = mediaTypes.layerPlain) => {
      await writeFile(join(directory, 'blob'), bytes);
      return unpackLayer({ path: join(directory, 'blob'), mediaType }, target, { durable: false });
    };
    await work({ unpack, target, directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function rejectsWith(code: ProblemCode, work: Promise<unknown>, message?: RegExp): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof Problem, String((thrown as Error).stack));
    assert.equal(thrown.code, code, thrown.message);
    if (message) assert.match(thrown.message, message);
    return true;
  });
}

test('keeps modes, times and links, and drops setuid bits', () =>
  inRoom(async ({ unpack, target }) => {
    const mtime = new Date(1_600_000_000_000);
    await unpack(
      await tarOf([
        { name: 'bin/', type: 'directory', mode: 0o555, mtime },
        { name: 'bin/tool', mode: 0o4755, mtime, text: 'tool' },
        { name: 'bin/same', type: 'link', linkname: 'bin/tool' },
        { name: 'bin/soft', type: 'symlink', linkname: '/etc/passwd', mtime },
        { name: `deep/${'n'.repeat(200)}/${'m'.repeat(200)}`, text: 'long' },
      ]),
    );
    const tool = await stat(join(target, 'bin/tool'));
    assert.deepEqual([tool.mode & 0o7777, tool.mtimeMs], [0o755, mtime.getTime()]);
    assert.equal((await stat(join(target, 'bin/same'))).ino, tool.ino);
    assert.equal(await readlink(join(target, 'bin/soft')), '/etc/passwd');
    assert.deepEqual(
      [(await stat(join(target, 'bin'))).mode & 0o7777, (await stat(join(target, 'bin'))).mtimeMs],
      [0o555, mtime.getTime()],
    );
    assert.equal(await readFile(join(target, `deep/${'n'.repeat(200)}/${'m'.repeat(200)}`), 'utf8'), 'long');
  }));

test('reads gzip and zstd', async () => {
  const bytes = await tarOf([{ name: 'a', text: 'x' }]);
  for (const [mediaType, compressed] of [
    [mediaTypes.layerGzip, gzipSync(bytes)],
    [mediaTypes.dockerLayerGzip, gzipSync(bytes)],
    [mediaTypes.layerZstd, zstdCompressSync(bytes)],
  ] as const)
    await inRoom(async ({ unpack, target }) => {
      await unpack(compressed, mediaType);
      assert.equal(await readFile(join(target, 'a'), 'utf8'), 'x');
    });
});

test('keeps removal markers as files', () =>
  inRoom(async ({ unpack, target }) => {
    await unpack(await tarOf([{ name: 'etc/.wh.gone' }, { name: 'etc/.wh..wh..opq' }]));
    assert.deepEqual((await readdir(join(target, 'etc'))).sort(), ['.wh..wh..opq', '.wh.gone']);
  }));

test('leaves a layer that is there already alone', () =>
  inRoom(async ({ unpack, target }) => {
    await unpack(await tarOf([{ name: 'a', text: 'first' }]));
    assert.deepEqual(await unpack(await tarOf([{ name: 'a', text: 'second' }])), { entries: 0, bytes: 0, unpacked: false });
    assert.equal(await readFile(join(target, 'a'), 'utf8'), 'first');
  }));

test('refuses every entry that reaches outside or is no plain file, and names it', async () => {
  const cases: [Entry[], RegExp][] = [
    [[{ name: '../outside', text: 'x' }], /"\.\.\/outside".*has "\.\."/],
    [[{ name: 'a/../../outside', text: 'x' }], /has "\.\."/],
    [[{ name: '/etc/evil', text: 'x' }], /absolute/],
    [
      [
        { name: 'l', type: 'symlink', linkname: '..' },
        { name: 'l/outside', text: 'x' },
      ],
      /leads through "l", which is a symlink/,
    ],
    [
      [
        { name: 'one', type: 'symlink', linkname: '.' },
        { name: 'two', type: 'symlink', linkname: 'one/..' },
        { name: 'two/outside', text: 'x' },
      ],
      /leads through "two"/,
    ],
    [
      [
        { name: 'l', type: 'symlink', linkname: '/tmp' },
        { name: 'l/d/', type: 'directory' },
      ],
      /leads through/,
    ],
    [[{ name: 'h', type: 'link', linkname: '../outside' }], /has "\.\."/],
    [[{ name: 'h', type: 'link', linkname: '/etc/passwd' }], /absolute/],
    [[{ name: 'h', type: 'link', linkname: 'not-there' }], /no file of this layer/],
    [
      [
        { name: 's', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'h', type: 'link', linkname: 's' },
      ],
      /no file of this layer/,
    ],
    [[{ name: 'disk', type: 'block-device', devmajor: 8, devminor: 0 }], /block-device/],
    [[{ name: 'tty', type: 'character-device', devmajor: 5, devminor: 0 }], /character-device/],
    [[{ name: 'pipe', type: 'fifo' }], /fifo/],
    [[{ name: 'd/.wh...', text: '' }], /would remove/],
    [[{ name: '.wh.', text: '' }], /would remove/],
    [[{ name: '.wh.a/b', text: '' }], /below the removal marker/],
    [
      [
        { name: 'd/f', text: '' },
        { name: 'd', text: 'x' },
      ],
      /replace a directory/,
    ],
    [[{ name: './', type: 'symlink', linkname: '/' }], /replace the root/],
  ];
  for (const [entries, message] of cases)
    await inRoom(async ({ unpack, directory }) => {
      await rejectsWith('LAYER_HOSTILE', unpack(await tarOf(entries)), message).catch((thrown: Error) =>
        assert.fail(`${JSON.stringify(entries)}: ${thrown.message}`),
      );
      assert.deepEqual(await readdir(join(directory, 'layers')), [], 'nothing is left');
      assert.equal(await readFile(join(directory, 'outside'), 'utf8'), 'untouched');
    });
});

test('lets a later entry replace a file or link, and never writes through the link', () =>
  inRoom(async ({ unpack, target, directory }) => {
    await unpack(
      await tarOf([
        { name: 'f', type: 'symlink', linkname: join(directory, 'outside') },
        { name: 'f', text: 'mine' },
        { name: 'd', type: 'symlink', linkname: directory },
        { name: 'd/', type: 'directory' },
        { name: 'd/x', text: 'in' },
      ]),
    );
    assert.ok((await lstat(join(target, 'f'))).isFile());
    assert.ok((await lstat(join(target, 'd'))).isDirectory());
    assert.equal(await readFile(join(directory, 'outside'), 'utf8'), 'untouched');
  }));

test('refuses other bytes than the digest says before it unpacks any', () =>
  inRoom(async ({ directory, target }) => {
    const path = join(directory, 'blob');
    await writeFile(path, await tarOf([{ name: 'a', text: 'x' }]));
    const expectedDigest = sha256Digest('something else');
    await rejectsWith('LAYER_DIGEST_MISMATCH', unpackLayer({ path, mediaType: mediaTypes.layerPlain, expectedDigest }, target));
    assert.deepEqual(await readdir(join(directory, 'layers')), []);
  }));

test('stops at the limits of bytes, entries and ratio', () =>
  inRoom(async ({ directory, target }) => {
    const path = join(directory, 'blob');
    await writeFile(path, gzipSync(await tarOf([{ name: 'a', text: '0'.repeat(300_000) }, { name: 'b' }, { name: 'c' }])));
    const unpack = (limits: object) => unpackLayer({ path, mediaType: mediaTypes.layerGzip, limits }, target, { durable: false });
    await rejectsWith('LAYER_TOO_LARGE', unpack({ maximumBytes: 200_000 }), /more than 200000 bytes/);
    await rejectsWith('LAYER_TOO_LARGE', unpack({ maximumEntries: 2 }), /more than 2 entries/);
    assert.deepEqual(await readdir(join(directory, 'layers')), []);
    await unpack({ maximumEntries: 3 });
  }));

test('says that a layer is corrupt when it is cut, no tar or no gzip', async () => {
  const whole = gzipSync(await tarOf([{ name: 'a', text: 'x'.repeat(5000) }]));
  for (const [bytes, mediaType] of [
    [whole.subarray(0, whole.length - 20), mediaTypes.layerGzip],
    [Buffer.from('this is no gzip'), mediaTypes.layerGzip],
    [Buffer.alloc(2048, 7), mediaTypes.layerPlain],
    [(await tarOf([{ name: 'a', text: 'x'.repeat(5000) }])).subarray(0, 3000), mediaTypes.layerPlain],
  ] as const)
    await inRoom(async ({ unpack, directory }) => {
      await rejectsWith('LAYER_CORRUPT', unpack(bytes, mediaType));
      assert.deepEqual(await readdir(join(directory, 'layers')), []);
    });
});

test('fills a directory that was made for it, and sweeps what a killed process left beside', () =>
  inRoom(async ({ unpack, target, directory }) => {
    await mkdir(target, { recursive: true });
    await mkdir(`${target}.partial-u-dead`);
    await unpack(await tarOf([{ name: 'a', text: 'x' }]));
    assert.equal(await readFile(join(target, 'a'), 'utf8'), 'x');
    assert.equal(await removePartialLayers(join(directory, 'layers')), 1);
    assert.deepEqual(await readdir(join(directory, 'layers')), ['target']);
  }));

test('keeps nothing when it is cancelled', () =>
  inRoom(async ({ directory, target }) => {
    const path = join(directory, 'blob');
    await writeFile(path, await tarOf([{ name: 'a', text: 'x' }]));
    const work = unpackLayer({ path, mediaType: mediaTypes.layerPlain }, target, { signal: AbortSignal.abort() });
    await rejectsWith('CANCELLED', work);
    assert.deepEqual(await readdir(join(directory, 'layers')), []);
  }));

test('says that the disk is full, and keeps nothing then', { skip: process.getuid?.() === 0 ? false : 'needs root' }, () =>
  inRoom(async ({ directory }) => {
    const small = join(directory, 'small');
    await mkdir(small);
    await writeFile(join(directory, 'blob'), await tarOf([{ name: 'a', text: 'x'.repeat(2_000_000) }]));
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'seal-test', small]);
    try {
      const source = { path: join(directory, 'blob'), mediaType: mediaTypes.layerPlain };
      await rejectsWith('DISK_FULL', unpackLayer(source, join(small, 'target')), /small\/target/);
      assert.deepEqual(await readdir(small), []);
    } finally {
      await execa('umount', [small]);
    }
  }),
);

test('never touches anything outside of its target, whatever the archive holds', async () => {
  const part = fc.constantFrom('a', 'b', '..', '.', 'l', 'outside', '', '.wh.a', '.wh..wh..opq');
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/') || '.');
  const entry = fc.record({
    name: fc.oneof(
      path,
      path.map((text) => `/${text}`),
      path.map((text) => `${text}/`),
    ),
    type: fc.constantFrom('file', 'directory', 'symlink', 'link', 'fifo', 'character-device'),
    linkname: fc.oneof(
      path,
      path.map((text) => `/${text}`),
      fc.constant('../../outside'),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), (entries) =>
      inRoom(async ({ unpack, directory }) => {
        const archive = await tarOf(entries.map((each) => (each.type === 'file' ? { ...each, text: 'x' } : each)) as Entry[]);
        await unpack(archive).catch((thrown) => assert.ok(thrown instanceof Problem, String((thrown as Error).stack)));
        assert.equal(await readFile(join(directory, 'outside'), 'utf8'), 'untouched');
        assert.deepEqual((await readdir(directory)).sort(), ['blob', 'layers', 'outside']);
        assert.ok((await readdir(join(directory, 'layers'))).every((name) => name === 'target'));
        assert.equal((await stat(join(directory, 'outside'))).nlink, 1);
      }),
    ),
    { numRuns: 300 },
  );
});
