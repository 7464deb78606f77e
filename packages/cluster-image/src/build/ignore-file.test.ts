import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreRules } from './ignore-file.ts';

function kept(rules: string, paths: readonly string[]): string[] {
  const ignored = ignoreRules(rules);
  return paths.filter((path) => !ignored(path));
}

test('reads patterns as paths from the root of the context, as Docker does and git does not', () => {
  assert.deepEqual(kept('log', ['log', 'log/a', 'sub/log', 'logs']), ['sub/log', 'logs']);
  assert.deepEqual(kept('**/log', ['log', 'sub/log', 'sub/log/x', 'logs']), ['logs']);
  assert.deepEqual(kept('*.md\ndocs/*.txt', ['a.md', 'sub/a.md', 'docs/a.txt', 'docs/sub/a.txt']), [
    'sub/a.md',
    'docs/sub/a.txt',
  ]);
  assert.deepEqual(kept('./a/\n/b', ['a/x', 'b', 'c']), ['c']);
});

test('lets the last rule that fits decide, also below a directory that was left out', () => {
  assert.deepEqual(kept('dir\n!dir/keep', ['dir/drop', 'dir/keep', 'dir/keep/x']), ['dir/keep', 'dir/keep/x']);
  assert.deepEqual(kept('*\n!scripts\nscripts/x', ['a', 'scripts/run', 'scripts/x']), ['scripts/run']);
});

test('skips comments and empty lines, and minds capitals', () => {
  assert.deepEqual(kept('# a\n\n  \r\nA', ['a', 'A', '# a']), ['a', '# a']);
});
