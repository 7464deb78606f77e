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
import { onePuller } from './test-puller.ts';

const isRoot = process.getuid?.() === 0;
const needsRoot = { skip: isRoot ? false : 'needs root' };
const points = 7;

const module_ = (name: string) => JSON.stringify(join(import.meta.dirname, name));

/**
 * A process that builds `x` with one container image, and prints the digest and how many changes of the file system that took (names,
 * permissions, new files). At change KILL_AT it ends itself by SIGKILL, at even ones before the change, at odd ones after it.
 */
const builder = `
  import fs from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const [, context, directory, reference] = process.argv;
  const killAt = Number(process.env.KILL_AT ?? 0);
  let changes = 0;
  for (const name of ['open', 'mkdir', 'rename', 'rm', 'chmod', 'utimes', 'writeFile']) {
    const real = fs[name];
    fs[name] = async (...args) => {
      changes += 1;
      const dies = changes === killAt;
      if (dies && changes % 2 === 0) process.kill(process.pid, 'SIGKILL');
      try {
        return await real(...args);
      } finally {
        if (dies) process.kill(process.pid, 'SIGKILL'); // also after a call that failed
      }
    };
  }
  syncBuiltinESMExports();
  const { openStore } = await import(${module_('../store/image-store.ts')});
  const { buildImage } = await import(${module_('build-image.ts')});
  const { onePuller } = await import(${module_('test-puller.ts')});
  const store = await openStore(directory);
  const { digest } = await buildImage({ context, store, reference, archs: ['amd64'], images: { puller: onePuller } });
  console.log(JSON.stringify({ digest, changes }));`;

interface Built {
  readonly digest: string;
  readonly changes: number;
}

/** Runs the builder; undefined when it was killed. */
async function buildElsewhere(context: string, directory: string, reference: string, killAt = 0): Promise<Built | undefined> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', builder, context, directory, reference], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KILL_AT: String(killAt) },
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  if (signal === 'SIGKILL') return undefined;
  assert.equal(code, 0);
  return JSON.parse(output);
}

async function inRoom(work: (room: { directory: string; context: string }) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-kill-points-'));
  const context = join(directory, 'context');
  await mkdir(context);
  await writeFile(join(context, 'a'), 'a'.repeat(200_000));
  await writeFile(join(context, 'imageList'), 'web:1\n');
  const run = isRoot ? 'RUN echo made > b\n' : '';
  await writeFile(join(context, 'Kubefile'), `FROM scratch\nCOPY a imageList /\n${run}ENV A=b\n`);
  try {
    await work({ directory, context });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('leaves the store whole wherever a build is killed, and the next build gives the same image', () =>
  inRoom(async ({ directory, context }) => {
    const whole = await buildElsewhere(context, join(directory, 'whole'), 'x');
    assert.ok(whole);
    const killAt = (point: number) => 1 + Math.round((point * (whole.changes - 1)) / (points - 1));
    for (let point = 0; point < points; point += 1) {
      const place = join(directory, `store-${point}`);
      assert.equal(await buildElsewhere(context, place, 'x', killAt(point)), undefined, `killed at change ${killAt(point)}`);
      const store = await openStore(place);
      assert.deepEqual(await readdir(join(place, 'tmp')), []);
      const { findings } = await store.check();
      assert.deepEqual(findings, [], `killed at change ${killAt(point)} of ${whole.changes}`);
      // The name is the last thing that a build writes.
      for (const { digest } of await store.list()) assert.equal(digest, whole.digest);
      const again = await buildImage({ context, store, reference: 'x', archs: ['amd64'], images: { puller: onePuller } });
      assert.equal(again.digest, whole.digest);
      await rm(place, { recursive: true });
    }
  }));

test('builds of two processes and clean-ups in the same store do not disturb each other', () =>
  inRoom(async ({ directory, context }) => {
    const place = join(directory, 'store');
    const store = await openStore(place);
    let isDone = false;
    const builds = Promise.all(['x', 'y'].map((name) => buildElsewhere(context, place, name))).finally(() => {
      isDone = true;
    });
    let cleanUps = 0;
    while (!isDone) {
      await store.collectGarbage();
      cleanUps += 1;
    }
    const [first, second] = await builds;
    assert.ok(cleanUps > 1);
    assert.equal(first?.digest, second?.digest);
    assert.deepEqual((await store.check()).findings, []);
    assert.equal((await store.list()).length, 2);
  }));

test('says that the disk is full wherever it fills, keeps nothing half, and works once there is room', needsRoot, () =>
  inRoom(async ({ directory, context }) => {
    const small = join(directory, 'small');
    await mkdir(small);
    await writeFile(
      join(context, 'noise'),
      Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at * 31 + (at >> 3)) % 251)),
    );
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY noise /\nCOPY a imageList /\n');
    let full = 0;
    let built = 0;
    for (let kib = 64; built === 0; kib += 24) {
      await execa('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'seal-test', small]);
      try {
        const build = async () =>
          buildImage({ context, store: await openStore(small), reference: 'x', images: { puller: onePuller }, archs: ['amd64'] });
        const thrown = await build().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (thrown === undefined) built += 1;
        else {
          full += 1;
          assert.ok(thrown instanceof Problem && thrown.code === 'DISK_FULL', `${kib} KiB: ${(thrown as Error).stack}`);
          assert.match(thrown.message, new RegExp(small));
          await execa('mount', ['-o', 'remount,size=8m', small]);
          assert.deepEqual((await (await openStore(small)).check()).findings, []);
          await build();
        }
        assert.deepEqual((await (await openStore(small)).check()).findings, []);
      } finally {
        await execa('umount', [small]);
      }
    }
    assert.ok(full > 5, `the disk was full ${full} times`);
  }),
);
