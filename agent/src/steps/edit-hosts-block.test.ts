import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '@seal/foundation';
import fc from 'fast-check';
import { editHostsBlock } from './edit-hosts-block.ts';

const line = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\n', ' ')),
  fc.constantFrom(
    '127.0.0.1 localhost',
    '# BEGIN seal other',
    '# END seal other',
    '# BEGIN seal demo2',
    '',
    '\t10.0.0.1  a b # c\r',
  ),
);
const foreignText = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
const entries = fc.array(fc.record({ ip: fc.ipV4(), names: fc.array(fc.domain(), { minLength: 1, maxLength: 3 }) }), {
  maxLength: 4,
});

test('whatever the file holds, adding, changing and removing the block leaves every other byte as it was', () =>
  fc.assert(
    fc.property(foreignText, entries, entries, foreignText, (before, first, second, after) => {
      const added = editHostsBlock(before, 'demo', first);
      assert.ok(added.startsWith(before));
      // Somebody else adds lines behind the block.
      const edited = first.length > 0 ? added + after : before;
      const changed = editHostsBlock(edited, 'demo', second);
      const removed = editHostsBlock(changed, 'demo', []);
      const terminator = before === '' || before.endsWith('\n') ? '' : '\n';
      if (first.length > 0) assert.equal(removed, before + terminator + after);
      else assert.equal(removed, second.length > 0 ? before + terminator : before);
    }),
  ));

test('doing it again changes nothing', () =>
  fc.assert(
    fc.property(foreignText, entries, (text, wanted) => {
      const once = editHostsBlock(text, 'demo', wanted);
      assert.equal(editHostsBlock(once, 'demo', wanted), once);
    }),
  ));

test('an entry is a line with the address and its names, between markers that name the block', () => {
  const text = editHostsBlock('127.0.0.1 localhost\n', 'demo', [{ ip: '10.0.0.7', names: ['apiserver.cluster.local', 'm1'] }]);
  assert.equal(text, '127.0.0.1 localhost\n# BEGIN seal demo\n10.0.0.7 apiserver.cluster.local m1\n# END seal demo\n');
});

test('markers that do not pair are refused with what was counted', () => {
  for (const text of [
    '# BEGIN seal demo\n',
    '# END seal demo\n# BEGIN seal demo\n',
    '# BEGIN seal demo\n# BEGIN seal demo\n# END seal demo\n',
  ])
    assert.throws(
      () => editHostsBlock(text, 'demo', []),
      (problem: Problem) => problem.code === 'HOSTS_FILE_INVALID' && /\d × "# BEGIN seal demo"/.test(problem.message),
    );
});
