import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, lutimes, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

const builder = `
  const [, context, directory, umask] = process.argv;
  process.umask(Number(umask));
  const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, '../store/image-store.ts'))});
  const { buildImage } = await import(${JSON.stringify(join(import.meta.dirname, 'build-image.ts'))});
  const { digest, layers } = await buildImage({ context, store: await openStore(directory), reference: 'x', archs: ['amd64'] });
  console.log(JSON.stringify({ digest, layers: layers.map((layer) => layer.digest) }));`;

interface Circumstances {
  /** Of the files: whether the group may write, their time, the order in which they were made. */
  readonly umask: number;
  readonly seconds: number;
  readonly reversed: boolean;
  /** Of the process. */
  readonly env: Record<string, string>;
  readonly uid?: number;
}

const files: Record<string, string> = {
  'bin/tool': '#!/bin/sh\n',
  'etc/a.conf': 'a\n',
  'etc/b.conf': 'b\n',
  'etc/größe.txt': 'c\n',
  [`deep/${'d/'.repeat(60)}end`]: 'x\n',
};

/** Builds a Kubefile in a place and circumstances of their own. */
async function build(
  kubefile: string,
  { umask, seconds, reversed, env, uid }: Circumstances,
): Promise<{ digest: string; layers: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), `seal-reproducible-${'long'.repeat(umask % 5)}`));
  const before = process.umask(umask);
  try {
    const context = join(directory, 'context');
    const entries = Object.entries(files);
    for (const [path, text] of reversed ? entries.reverse() : entries) {
      await mkdir(dirname(join(context, path)), { recursive: true });
      await writeFile(join(context, path), text);
      if (path.startsWith('bin/')) await chmod(join(context, path), 0o777 & ~umask);
      await lutimes(join(context, path), seconds, seconds);
    }
    await symlink('a.conf', join(context, 'etc/link'));
    await writeFile(join(context, 'Kubefile'), kubefile);
    if (uid !== undefined) {
      await chmod(directory, 0o755);
      await mkdir(join(directory, 'store'));
      await chown(join(directory, 'store'), uid, uid);
    }
    const argv = ['--input-type=module', '-e', builder, context, join(directory, 'store'), String(umask)];
    const output = execFileSync(process.execPath, argv, {
      cwd: '/',
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    return JSON.parse(output);
  } finally {
    process.umask(before);
    await rm(directory, { recursive: true, force: true });
  }
}

const here: Circumstances = { umask: 0o022, seconds: 1e9, reversed: false, env: { TZ: 'UTC', LC_ALL: 'C' } };
const elsewhere: Circumstances = {
  umask: 0o002,
  seconds: 1.7e9,
  reversed: true,
  env: { TZ: 'Asia/Kathmandu', LC_ALL: 'de_DE.UTF-8', HOSTNAME: 'other' },
};

test('the same context gives the same digest elsewhere, with another umask, time zone, language, age and order of files, as another user', async () => {
  const kubefile = 'FROM scratch\nCOPY . /\nCOPY <<EOF etc/here\ntext\nEOF\nENV B=1 A=2\nLABEL z=1 y=2\n';
  const first = await build(kubefile, here);
  assert.deepEqual(await build(kubefile, isRoot ? { ...elsewhere, uid: nobody } : elsewhere), first);
});

test('what a RUN makes does not depend on umask, time zone and name of the build host', {
  skip: !isRoot && 'needs root',
}, async () => {
  const kubefile =
    'FROM scratch\nCOPY etc etc\nRUN mkdir made && date -d @0 > made/date && cat /proc/sys/kernel/hostname > made/host && env | sort > made/env\n';
  assert.deepEqual(await build(kubefile, { ...elsewhere, umask: 0o002 }), await build(kubefile, here));
});

test('SOURCE_DATE_EPOCH is the time of the image and of its files', async () => {
  const kubefile = 'FROM scratch\nCOPY etc etc\n';
  const at = (epoch: string) => build(kubefile, { ...here, env: { SOURCE_DATE_EPOCH: epoch } });
  const [first, second] = [await at('1600000000'), await at('1600000001')];
  assert.deepEqual(await build(kubefile, { ...elsewhere, env: { SOURCE_DATE_EPOCH: '1600000000' } }), first);
  assert.notEqual(first.layers[0], second.layers[0]);
});
