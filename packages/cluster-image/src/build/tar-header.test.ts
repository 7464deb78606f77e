import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import tar from 'tar-stream';
import { padding, type TarEntry, tarEnd, tarHeader } from './tar-header.ts';

const entry = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  kind: 'file',
  mode: 0o644,
  size: 0,
  target: '',
  ...more,
});
const deep = (length: number) => `${'d/'.repeat(length / 2)}`;

const entries: Record<string, TarEntry> = {
  'a short name': entry('a'),
  'a name of 100 bytes': entry('n'.repeat(100)),
  'a name that ustar splits': entry(`${deep(120)}file`),
  'a directory whose name ustar splits': entry(`${deep(120)}last`, { kind: 'directory', mode: 0o755 }),
  'a name that cannot be split': entry('n'.repeat(180)),
  'a directory of 100 bytes, 101 with its slash': entry('n'.repeat(100), { kind: 'directory', mode: 0o1777 }),
  'a name of 400 bytes': entry(`${deep(398)}x`),
  'a name with umlauts and a line break': entry('größe\n.txt'),
  'a link': entry('l', { kind: 'symlink', mode: 0o777, target: '../t' }),
  'a link to a long place': entry('l', { kind: 'symlink', mode: 0o777, target: `/${deep(300)}` }),
};

for (const [name, each] of Object.entries(entries)) {
  test(`is read as it was meant by tar-stream and GNU tar: ${name}`, async () => {
    const archive = Buffer.concat([tarHeader(each, 1_600_000_000), tarEnd]);
    const extract = tar.extract();
    extract.end(archive);
    const found: tar.Header[] = [];
    for await (const one of extract) {
      found.push(one.header);
      one.resume();
    }
    const [header] = found;
    assert.equal(found.length, 1);
    assert.equal(header?.name, each.kind === 'directory' ? `${each.path}/` : each.path);
    assert.equal(header?.linkname ?? '', each.target);
    assert.deepEqual([header?.mode, header?.uid, header?.gid, header?.mtime?.getTime()], [each.mode, 0, 0, 1.6e12]);
    const listed = execFileSync('tar', ['-tf', '-', '--quoting-style=literal'], { input: archive, encoding: 'utf8' });
    assert.equal(listed, `${each.path}${each.kind === 'directory' ? '/' : ''}\n`);
  });
}

test('tells sizes over 8 GiB and times after 2242', async () => {
  const size = 9 * 1024 ** 3;
  const extract = tar.extract();
  extract.write(tarHeader(entry('big', { size }), 9_000_000_000));
  const header = await new Promise<tar.Header>((resolve) => {
    extract.on('entry', (found) => resolve(found));
  });
  assert.equal(header.size, size);
  assert.equal(padding(size + 1), 511);
  extract.destroy();
});
