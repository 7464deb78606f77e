import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { execa } from 'execa';
import { openStore } from '../store/image-store.ts';
import { buildImage } from './build-image.ts';

const needsRoot = { skip: process.getuid?.() === 0 ? false : 'needs root' };

async function inRoom(work: (room: { directory: string; context: string }) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-killed-'));
  const context = join(directory, 'context');
  await mkdir(context);
  try {
    await work({ directory, context });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('leaves the store whole and no process behind when a build is killed', needsRoot, () =>
  inRoom(async ({ directory, context }) => {
    await writeFile(join(context, 'a'), '1');
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY a a\nRUN echo started; sleep 976431\n');
    const script = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../store/image-store.ts'))};
      import { buildImage } from ${JSON.stringify(join(import.meta.dirname, 'build-image.ts'))};
      const [, context, directory] = process.argv;
      const onProgress = (each) => each.kind === 'output' && console.log(each.line);
      await buildImage({ context, store: await openStore(directory), reference: 'x', onProgress });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, context, join(directory, 'store')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    const store = await openStore(join(directory, 'store'));
    assert.deepEqual(await readdir(join(store.directory, 'tmp')), [], 'the working directory is swept');
    const { findings, images } = await store.check();
    assert.deepEqual([findings, images], [[], 0]);
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY a a\n');
    const { layers } = await buildImage({ context, store, reference: 'x' });
    assert.deepEqual(
      layers.map(({ cached }) => cached),
      [true],
      'the finished layer is used again',
    );
    await untilGone('sleep 976431');
  }),
);

test('says that the disk is full, and leaves a store that works', needsRoot, () =>
  inRoom(async ({ directory, context }) => {
    const small = join(directory, 'small');
    await mkdir(small);
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'seal-test', small]);
    try {
      const store = await openStore(small);
      await execa('dd', ['if=/dev/urandom', `of=${join(context, 'big')}`, 'bs=1M', 'count=2']);
      await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY big big\n');
      await assert.rejects(
        buildImage({ context, store, reference: 'x' }),
        (thrown) => thrown instanceof Problem && thrown.code === 'DISK_FULL' && thrown.message.includes(small),
      );
      assert.deepEqual([await readdir(join(small, 'tmp')), await readdir(join(small, 'blobs/sha256'))], [[], []]);
      await writeFile(join(context, 'big'), 'small');
      await buildImage({ context, store, reference: 'x' });
      assert.deepEqual((await store.check()).findings, []);
    } finally {
      await execa('umount', [small]);
    }
  }),
);

test('builds two images of one store at once', () =>
  inRoom(async ({ directory, context }) => {
    for (let index = 0; index < 20; index += 1) await writeFile(join(context, `f${index}`), `${index}`.repeat(10_000));
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY f1* one/\nCOPY f* all/\n');
    const [first, second] = await Promise.all(
      ['x', 'y'].map(async (reference) => buildImage({ context, store: await openStore(join(directory, 'store')), reference })),
    );
    assert.equal(first?.digest, second?.digest);
    const store = await openStore(join(directory, 'store'));
    assert.equal((await store.list()).length, 2);
    assert.deepEqual((await store.check()).findings, []);
  }));

/** The kernel ends the processes of a killed build a moment after the build itself. */
async function untilGone(command: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { stdout } = await execa('ps', ['-eo', 'args']);
    if (!stdout.split('\n').some((line) => line.startsWith(command))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`"${command}" still runs`);
}
