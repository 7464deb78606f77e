// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Kubefiles write ${NAME} themselves
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import fc from 'fast-check';
import { expandText, expandWord } from './expand-word.ts';

const at = { line: 1, column: 1 };
const options = {
  source: { file: 'Kubefile', lines: ['x'] },
  escapeCharacter: '\\',
  variables: { A: 'one', EMPTY: '', ARCH: 'arm64' },
};
const expanded = (raw: string) => expandWord({ raw, at }, options);

test('replaces variables as a Dockerfile does', () => {
  const cases: Record<string, string> = {
    $A: 'one',
    'bin/${ARCH}/x': 'bin/arm64/x',
    'x$A.y': 'xone.y',
    $NONE: '',
    '${NONE:-d}': 'd',
    '${EMPTY:-d}': 'd',
    '${EMPTY-d}': '',
    '${A:+b}': 'b',
    '${EMPTY:+b}': '',
    '${EMPTY+b}': 'b',
    '${NONE:-${A}-x}': 'one-x',
    '"$A b"': 'one b',
    "'$A b'": '$A b',
    '\\$A': '$A',
    '"a\\"b"': 'a"b',
    'a\\ b': 'a b',
    '"\\n"': '\\n',
    '50$': '50$',
    $constructor: '',
  };
  for (const [raw, value] of Object.entries(cases)) assert.equal(expanded(raw), value, raw);
});

test('leaves quotes in the text of a heredoc alone', () => {
  assert.equal(expandText('it\'s "$A" \\$A\n', at, options), 'it\'s "one" $A\n');
});

test('says where a variable is malformed or lacks a value that it needs', () => {
  for (const [raw, expected] of [
    ['ab${A', /1:3: "\$\{" is never closed/],
    ['${A%x}', /is not understood/],
    ['${NONE:?give it}', /NONE has no value: give it/],
  ] as const) {
    assert.throws(
      () => expanded(raw),
      (thrown) => thrown instanceof Problem && expected.test(thrown.message),
      raw,
    );
  }
});

test('gives back any text in single quotes as it is, and any text without special characters', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll("'", '');
      assert.equal(expanded(`'${plain}'`), plain);
      const bare = text.replace(/['"\\$]/g, '');
      assert.equal(expanded(bare), bare);
    }),
  );
});
