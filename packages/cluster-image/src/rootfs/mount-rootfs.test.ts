import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { execa } from 'execa';
import { mountRootfs } from './mount-rootfs.ts';
import { readMounts } from './mounts.ts';
import { unmountRootfs } from './unmount-rootfs.ts';

const needsRoot = { skip: process.getuid?.() === 0 ? false : 'mounting needs root' };

interface Room {
  layer(name: string, files: Record<string, string>): Promise<string>;
  readonly mountPoint: string;
  readonly workDir: string;
}

async function inRoom(work: (room: Room) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-rootfs-'));
  const mountPoint = join(directory, 'data', 'c,1:x', 'rootfs');
  const workDir = join(directory, 'state');
  const layer = async (name: string, files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      const target = join(directory, name, path);
      await mkdir(dirname(target), { recursive: true });
      if (path.endsWith('/')) await mkdir(target, { recursive: true });
      else await writeFile(target, text);
    }
    return join(directory, name);
  };
  try {
    await work({ layer, mountPoint, workDir });
  } finally {
    await unmountRootfs({ mountPoint, workDir });
    await rm(directory, { recursive: true, force: true });
  }
}

const isMounted = async (path: string) => (await readMounts()).some(({ mountPoint }) => mountPoint === path);
const text = (...parts: string[]) => readFile(join(...parts), 'utf8');

test('lays layers over each other by overlayfs, the last on top', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const layerDirs = [await layer('one', { 'bin/a': '1', 'etc/x': 'old' }), await layer('two', { 'etc/x': 'new' })];
    assert.equal(await mountRootfs({ layerDirs, mountPoint, workDir }), 'overlay');
    assert.deepEqual([await text(mountPoint, 'bin/a'), await text(mountPoint, 'etc/x')], ['1', 'new']);
    await writeFile(join(mountPoint, 'etc/x'), 'mine');
    assert.equal(await text(layerDirs[1] as string, 'etc/x'), 'new', 'a layer is never changed');
  }),
);

test('does nothing when it is mounted already, and keeps what was written when the mount was lost', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const options = { layerDirs: [await layer('one', { a: '1' })], mountPoint, workDir };
    await mountRootfs(options);
    await writeFile(join(mountPoint, 'written'), 'kept');
    await mountRootfs(options);
    assert.equal((await readMounts()).filter((mount) => mount.mountPoint === mountPoint).length, 1);
    await execa('umount', [mountPoint]);
    assert.deepEqual(await readdir(mountPoint), []);
    assert.equal(await mountRootfs(options), 'overlay');
    assert.deepEqual([await text(mountPoint, 'a'), await text(mountPoint, 'written')], ['1', 'kept']);
  }),
);

test('replaces a rootfs of other layers together with what was written on top', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    await mountRootfs({ layerDirs: [await layer('one', { a: '1' })], mountPoint, workDir });
    await writeFile(join(mountPoint, 'written'), 'x');
    await mountRootfs({ layerDirs: [await layer('two', { b: '2' })], mountPoint, workDir });
    assert.deepEqual(await readdir(mountPoint), ['b']);
  }),
);

test('mounts more layers than their paths would fit into one page of options', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const layerDirs = [];
    for (let index = 0; index < 200; index += 1)
      layerDirs.push(await layer(`layer-${'x'.repeat(60)}-${index}`, { [`f${index}`]: '' }));
    assert.equal(await mountRootfs({ layerDirs, mountPoint, workDir }), 'overlay');
    assert.equal((await readdir(mountPoint)).length, 200);
  }),
);

test('copies where a layer removes files, and applies the removals', () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const one = await layer('one', {
      'etc/gone': '1',
      'etc/kept': '1',
      'dir/deep/x': '1',
      'full/a': '1',
      'swap/in': '1',
      plain: '1',
    });
    const two = await layer('two', {
      'etc/.wh.gone': '',
      '.wh.dir': '',
      'full/.wh..wh..opq': '',
      'full/b': '2',
      'plain/now-directory': '2',
      swap2: '',
    });
    await symlink('/etc/passwd', join(one, 'link'));
    await layer('two', { 'link/in-directory': 'x' });
    await utimes(join(one, 'etc/kept'), 1000, 1000);
    assert.equal(await mountRootfs({ layerDirs: [one, two], mountPoint, workDir }), 'copy');
    assert.deepEqual((await readdir(mountPoint)).sort(), ['etc', 'full', 'link', 'plain', 'swap', 'swap2']);
    assert.deepEqual([await readdir(join(mountPoint, 'etc')), await readdir(join(mountPoint, 'full'))], [['kept'], ['b']]);
    assert.equal((await stat(join(mountPoint, 'etc/kept'))).mtimeMs, 1_000_000);
    assert.ok((await lstat(join(mountPoint, 'link'))).isDirectory());
    assert.equal(await text(mountPoint, 'plain/now-directory'), '2');
    assert.ok((await readdir(one)).includes('dir'), 'the layer itself is not changed');
    await writeFile(join(mountPoint, 'written'), 'kept');
    assert.equal(await mountRootfs({ layerDirs: [one, two], mountPoint, workDir }), 'copy');
    assert.equal(await text(mountPoint, 'written'), 'kept');
  }));

test('copies where the top would lie on an overlayfs', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const outer = { layerDirs: [await layer('one', { a: '1' })], mountPoint, workDir };
    await mountRootfs(outer);
    const inner = {
      layerDirs: [await layer('two', { b: '2' })],
      mountPoint: join(mountPoint, 'inner'),
      workDir: join(mountPoint, 'work'),
    };
    assert.equal(await mountRootfs(inner), 'copy');
    assert.equal(await text(mountPoint, 'inner/b'), '2');
  }),
);

test('replaces a copy by a mount and a mount by a copy', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    const plain = { layerDirs: [await layer('one', { a: '1' })], mountPoint, workDir };
    const removing = { layerDirs: [...plain.layerDirs, await layer('two', { '.wh.a': '', b: '' })], mountPoint, workDir };
    assert.equal(await mountRootfs(plain), 'overlay');
    assert.equal(await mountRootfs(removing), 'copy');
    assert.equal(await isMounted(mountPoint), false);
    assert.deepEqual(await readdir(mountPoint), ['b']);
    assert.equal(await mountRootfs(plain), 'overlay');
    assert.deepEqual(await readdir(mountPoint), ['a']);
  }),
);

test('takes a rootfs away with all on it, twice without complaint', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    await mountRootfs({ layerDirs: [await layer('one', { 'proc/': '' })], mountPoint, workDir });
    await execa('mount', ['-t', 'tmpfs', 'seal-test', join(mountPoint, 'proc')]);
    await unmountRootfs({ mountPoint, workDir });
    await assert.rejects(stat(mountPoint), { code: 'ENOENT' });
    await assert.rejects(stat(workDir), { code: 'ENOENT' });
    await unmountRootfs({ mountPoint, workDir });
  }),
);

test('names the process that still uses the rootfs, and removes nothing then', needsRoot, () =>
  inRoom(async ({ layer, mountPoint, workDir }) => {
    await mountRootfs({ layerDirs: [await layer('one', { a: '1' })], mountPoint, workDir });
    const user = execa('sleep', ['60'], { cwd: mountPoint, reject: false });
    await assert.rejects(
      unmountRootfs({ mountPoint, workDir }),
      (thrown) => thrown instanceof Problem && thrown.code === 'ROOTFS_BUSY' && thrown.message.includes(`(${user.pid})`),
    );
    assert.equal(await text(mountPoint, 'a'), '1');
    user.kill();
    await user;
  }),
);

test('says which unpacked layer is not there', () =>
  inRoom(async ({ mountPoint, workDir }) => {
    await assert.rejects(
      mountRootfs({ layerDirs: ['/nowhere/layer'], mountPoint, workDir }),
      (thrown) => thrown instanceof Problem && thrown.code === 'ROOTFS_MOUNT_FAILED' && /\/nowhere\/layer/.test(thrown.message),
    );
  }));
