import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import { openStore } from '../store/image-store.ts';
import type { BuildProgress } from './build-image.ts';
import { fails, filesOf, inWorkshop } from './test-workshop.ts';

const needsRoot = { skip: process.getuid?.() === 0 ? false : 'RUN needs root' };

test('runs the tools of the build host in a rootfs without a shell, and makes a layer of what changed', needsRoot, () =>
  inWorkshop(async ({ write, build, rootfs, progress, directory }) => {
    await write({ 'etc/gone': '1', 'etc/kept': '1', 'dir/x': '1' });
    const kubefile = [
      'FROM scratch',
      'ARG NAME=arg',
      'ENV V=env',
      'COPY . .',
      'RUN pwd && mkdir bin && echo "$V $NAME $ARCH" > bin/out && rm etc/gone && rm -r dir && ln -s kept etc/link && echo done',
      'RUN true',
      'RUN cat bin/out >> etc/kept',
    ].join('\n');
    const image = await build(kubefile, { archs: ['arm64'] });
    const root = await rootfs(image);
    assert.deepEqual(await filesOf(root), ['bin/out', 'etc/kept', 'etc/link']);
    assert.equal(await readFile(join(root, 'etc/kept'), 'utf8'), '1env arg arm64\n');
    assert.deepEqual(
      progress.flatMap((each) => (each.kind === 'output' ? each.line : [])),
      ['/run/seal-rootfs', 'done'],
    );
    assert.equal(image.layers.length, 3, 'RUN true makes no layer');
    const again = await build(kubefile, { archs: ['arm64'] });
    assert.deepEqual([again.digest, again.layers.every(({ cached }) => cached)], [image.digest, true]);
    const elsewhere = await build(kubefile, { archs: ['arm64'], store: await openStore(join(directory, 'other')) });
    assert.equal(elsewhere.digest, image.digest);
  }),
);

test('lets RUN write nowhere but into the rootfs', needsRoot, () =>
  inWorkshop(async ({ build, directory, progress }) => {
    const bystander = join(directory, 'bystander');
    await writeFile(bystander, 'untouched');
    await writeFile('/var/tmp/seal-build-bystander', 'untouched');
    const attempts = [
      `echo x > ${bystander}`,
      'echo x > /etc/seal-was-here',
      'echo x > /usr/seal-was-here',
      `cat ${bystander}`,
      'echo 0 > /proc/sys/kernel/printk',
      'echo b > /proc/sysrq-trigger',
      'mount -o remount,rw /',
      'mount -o remount,bind,rw /usr',
      'mknod disk b 254 0',
      'ls /dev/vda /dev/sda',
      'umount /tmp',
      'nsenter -t 1 -m true',
      'unshare --mount true',
      'rm /var/tmp/seal-build-bystander',
    ];
    const script = attempts.map((attempt) => `if (${attempt}) >/dev/null 2>&1; then echo "could: ${attempt}"; fi`).join('\n');
    await build(`FROM scratch\nRUN <<EOF\n${script}\ntouch /tmp/fine /dev/shm/fine here\nEOF\n`);
    const could = progress.flatMap((each) => (each.kind === 'output' ? each.line : []));
    assert.deepEqual(could, []);
    assert.equal(await readFile(bystander, 'utf8'), 'untouched');
    assert.equal(await readFile('/var/tmp/seal-build-bystander', 'utf8'), 'untouched');
    await rm('/var/tmp/seal-build-bystander');
  }),
);

test('gives RUN no network where none is wanted, by flag or for the whole build', needsRoot, () =>
  inWorkshop(async ({ build, progress }) => {
    const line = 'tail -n +3 /proc/net/dev | cut -d: -f1 | grep -v lo | wc -l';
    await build(`FROM scratch\nRUN --network=none ${line}\n`);
    await build(`FROM scratch\nRUN ${line}\n`, { noNetwork: true });
    const outputs = progress.flatMap((each) => (each.kind === 'output' ? each.line : []));
    assert.deepEqual(outputs.map(Number), [0, 0]);
  }),
);

test('runs inside a rootfs that has a shell, and leaves no trace of what it lent it', needsRoot, () =>
  inWorkshop(async ({ build, rootfs, context, progress }) => {
    await makeShellRootfs(join(context, 'base'));
    const image = await build(
      'FROM scratch\nCOPY base .\nRUN pwd; echo /*; cat /proc/self/comm; echo x > /made; echo > /dev/null\n',
    );
    const outputs = progress.flatMap((each) => (each.kind === 'output' ? each.line : []));
    assert.equal(outputs[0], '/');
    assert.equal(outputs[2], 'cat');
    assert.ok(!outputs[1]?.includes('/home'), outputs[1]);
    const last = await readdir(await rootfs(image));
    assert.ok(last.includes('made') && !last.includes('proc') && !last.includes('dev') && !last.includes('sys'), last.join());
  }),
);

test('says where a RUN failed, with its exit code and last words, and keeps earlier layers for the next try', needsRoot, () =>
  inWorkshop(async ({ write, build, store }) => {
    await write({ a: '1' });
    const problem = await fails(
      build('FROM scratch\nCOPY a a\nRUN echo so; echo bad >&2; exit 3\n'),
      'BUILD_RUN_FAILED',
      /Kubefile:3:1: RUN ended with exit code 3; its last words: bad/,
    );
    assert.deepEqual([problem.details.exitCode, problem.details.output], [3, 'so\nbad']);
    assert.deepEqual(await store.list(), []);
    assert.deepEqual(await readdir(join(store.directory, 'tmp')), []);
    assert.deepEqual(
      (await build('FROM scratch\nCOPY a a\n')).layers.map(({ cached }) => cached),
      [true],
    );
  }),
);

test('ends a RUN with all its processes when the build is cancelled', needsRoot, () =>
  inWorkshop(async ({ build, store }) => {
    const controller = new AbortController();
    const onProgress = (each: BuildProgress) => {
      if (each.kind === 'output') controller.abort();
    };
    await fails(
      build('FROM scratch\nRUN echo started; sleep 987654 & sleep 987654\n', { signal: controller.signal, onProgress }),
      'CANCELLED',
      /cancelled/,
    );
    const { stdout } = await execa('ps', ['-eo', 'args']);
    assert.ok(!stdout.includes('sleep 987654'));
    assert.deepEqual(await readdir(join(store.directory, 'tmp')), []);
  }),
);

/** A rootfs with a shell and cat, out of the build host's own programs and libraries. */
async function makeShellRootfs(directory: string): Promise<void> {
  await mkdir(join(directory, 'bin'), { recursive: true });
  for (const [program, name] of [
    ['/bin/sh', 'sh'],
    ['/bin/cat', 'cat'],
  ] as const) {
    await execa('cp', ['-L', program, join(directory, 'bin', name)]);
    const { stdout } = await execa('ldd', [program]);
    for (const library of stdout.match(/\/\S+/g) ?? []) {
      await mkdir(join(directory, dirname(library)), { recursive: true });
      await execa('cp', ['-L', library, join(directory, library)]);
    }
  }
}
