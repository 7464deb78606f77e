import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import { buildImage } from '../build/build-image.ts';
import { fails } from '../build/test-workshop.ts';
import { type ImageStore, openStore } from './image-store.ts';

/** A store with an image `x` of one file. */
async function inRoom(work: (room: { readonly directory: string; readonly store: ImageStore }) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-store-places-'));
  try {
    const store = await openStore(join(directory, 'store'));
    const context = join(directory, 'context');
    await mkdir(context);
    await writeFile(join(context, 'a'), '1'.repeat(1000));
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY a a\n');
    await buildImage({ context, store, reference: 'x' });
    await work({ directory, store });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('saves into no device, pipe or directory, through a link into the file it names, and nothing that is damaged', () =>
  inRoom(async ({ store, directory }) => {
    const pipe = join(directory, 'pipe');
    await execa('mkfifo', [pipe]);
    for (const place of [pipe, directory]) await fails(store.save('x', place), 'FILE_UNUSABLE', /no regular file/);
    assert.ok((await stat(pipe)).isFIFO());
    const [file, link] = [join(directory, 'file.tar'), join(directory, 'link.tar')];
    await writeFile(file, 'old');
    await symlink(file, link);
    await store.save('x', link);
    assert.ok((await lstat(link)).isSymbolicLink());
    const saved = await readFile(file);
    assert.ok(saved.length > 1000);
    const { manifest } = await store.inspect('x');
    const blob = store.blobPath(manifest.layers[0]!.digest);
    const bytes = await readFile(blob);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(blob, bytes);
    await fails(store.save('x', file), 'IMAGE_STORE_DAMAGED', /sha256:/);
    assert.deepEqual(await readFile(file), saved, 'the earlier file stays');
  }));

test('refuses to make a store where none can be', { timeout: 30_000 }, () =>
  inRoom(async ({ directory }) => {
    await writeFile(join(directory, 'file'), '');
    await fails(openStore(join(directory, 'file')), 'FILE_UNUSABLE', /cannot be made/);
    // Node's own recursive mkdir never ends here.
    await fails(openStore('/proc/nope'), 'FILE_UNUSABLE', /\/proc\/nope/);
  }),
);
