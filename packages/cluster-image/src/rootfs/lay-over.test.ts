import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { applyLayer } from './apply-layer.ts';
import { layOver } from './lay-over.ts';

type Files = Readonly<Record<string, string>>;

async function inRoom(work: (room: { make(name: string, files: Files): Promise<string>; rootfs: string }) => Promise<void>) {
  const root = await mkdtemp(join(tmpdir(), 'seal-lay-over-'));
  const make = async (name: string, files: Files) => {
    await mkdir(join(root, name), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name, path)), { recursive: true });
      if (text.startsWith('-> ')) await symlink(text.slice(3), join(root, name, path));
      else await writeFile(join(root, name, path), text);
    }
    return join(root, name);
  };
  try {
    await work({ make, rootfs: await make('rootfs', {}) });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function filesOf(root: string, directory = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) Object.assign(found, await filesOf(root, path));
    else
      found[path] = entry.isSymbolicLink() ? `-> ${await readlink(join(root, path))}` : await readFile(join(root, path), 'utf8');
  }
  return found;
}

test('lays files over a rootfs, and what others wrote there stays', () =>
  inRoom(async ({ make, rootfs }) => {
    const base = await make('base', { 'bin/a': '1', 'etc/x': 'old' });
    await applyLayer(base, rootfs);
    await writeFile(join(rootfs, 'etc/written'), 'kept');
    const patch = await make('patch', { 'etc/x': 'new', 'etc/more': '2', 'bin/.wh.a': '' });
    await layOver({ rootfs, baseDirs: [base], overDirs: [patch], removedDirs: [] });
    assert.deepEqual(await filesOf(rootfs), { 'etc/x': 'new', 'etc/more': '2', 'etc/written': 'kept' });
  }));

test('takes a layer away: its places become what the others have there, rendered templates and empty directories go', () =>
  inRoom(async ({ make, rootfs }) => {
    const base = [
      await make('one', { 'bin/a': '1', 'etc/x': 'lowest', 'etc/dir/in': 'i', 'gone/by-two': '1', link: '-> /etc' }),
      await make('two', { 'etc/x': 'old', 'gone/.wh.by-two': '' }),
    ];
    for (const layer of base) await applyLayer(layer, rootfs);
    const before = await filesOf(rootfs);
    const first = await make('first', {
      'etc/x': 'new',
      'bin/.wh.a': '',
      'etc/dir': 'a file now',
      'gone/by-two': 'back',
      'own/deep/y.tmpl': 't',
      'link/in': 'x',
    });
    const second = await make('second', { 'etc/z': 'stays' });
    await layOver({ rootfs, baseDirs: base, overDirs: [first, second], removedDirs: [] });
    await writeFile(join(rootfs, 'own/deep/y'), 'rendered');
    await layOver({ rootfs, baseDirs: base, overDirs: [second], removedDirs: [first] });
    assert.deepEqual(await filesOf(rootfs), { ...before, 'etc/z': 'stays' });
    assert.equal((await readdir(rootfs)).includes('own'), false);
    await layOver({ rootfs, baseDirs: base, overDirs: [second], removedDirs: [first] });
    assert.deepEqual(await filesOf(rootfs), { ...before, 'etc/z': 'stays' });
  }));

test('leaves what lies in a directory of the removed layer and is not of it', () =>
  inRoom(async ({ make, rootfs }) => {
    const patch = await make('patch', { 'own/a': '1' });
    await layOver({ rootfs, baseDirs: [], overDirs: [patch], removedDirs: [] });
    await writeFile(join(rootfs, 'own/theirs'), 'x');
    await layOver({ rootfs, baseDirs: [], overDirs: [], removedDirs: [patch] });
    assert.deepEqual(await filesOf(rootfs), { 'own/theirs': 'x' });
  }));

test('follows no link that leads out of the rootfs', () =>
  inRoom(async ({ make, rootfs }) => {
    const outside = await make('outside', { passwd: 'safe' });
    const patch = await make('patch', { 'link/passwd': 'mine' });
    await symlink(outside, join(rootfs, 'link'));
    await layOver({ rootfs, baseDirs: [], overDirs: [], removedDirs: [patch] });
    assert.deepEqual(await filesOf(outside), { passwd: 'safe' });
    await layOver({ rootfs, baseDirs: [], overDirs: [patch], removedDirs: [] });
    assert.deepEqual([await filesOf(outside), await filesOf(rootfs)], [{ passwd: 'safe' }, { 'link/passwd': 'mine' }]);
  }));
