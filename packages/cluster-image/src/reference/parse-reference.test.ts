import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import fc from 'fast-check';
import { parseReference } from './parse-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('fills in localhost and latest', () => {
  assert.equal(parseReference('kubernetes').text, 'localhost/kubernetes:latest');
  assert.equal(parseReference('kubernetes:1.20.2').text, 'localhost/kubernetes:1.20.2');
  assert.equal(parseReference('library/kubernetes').text, 'localhost/library/kubernetes:latest');
});

test('keeps registry, port and digest', () => {
  assert.deepEqual(parseReference(`registry.example:5000/a/b:v1@${digest}`), {
    registry: 'registry.example:5000',
    repository: 'a/b',
    tag: 'v1',
    digest,
    text: `registry.example:5000/a/b:v1@${digest}`,
  });
  assert.equal(parseReference('localhost:5000/x').text, 'localhost:5000/x:latest');
  assert.equal(parseReference('[::1]:5000/x').text, '[::1]:5000/x:latest');
});

test('gives no tag to a reference that has only a digest', () => {
  assert.equal(parseReference(`x@${digest}`).text, `localhost/x@${digest}`);
  assert.equal(parseReference(`x@${digest}`).tag, undefined);
});

test('names the part that is wrong', () => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    ['Kubernetes', /capital/],
    ['a//b', /empty/],
    ['a:', /tag ""/],
    ['a:-x', /tag "-x"/],
    ['a:b/c', /registry host/],
    ['x.y:99999/a', /registry host/],
    ['../a', /not a registry host|not lower case/],
    ['a@sha256:12', /64 hex/],
    ['a@b@c', /more than one "@"/],
    ['a b', /not lower case/],
    [`${'a'.repeat(260)}`, /255/],
  ];
  for (const [written, expected] of cases) {
    assert.throws(
      () => parseReference(written),
      (thrown) => thrown instanceof Problem && thrown.code === 'IMAGE_REFERENCE_INVALID' && expected.test(thrown.message),
      written,
    );
  }
});

test('is stable: the normalised text of any reference reads back as itself', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const reference = fc.record({
    registry: fc.option(fc.constantFrom('r.example', 'r.example:5000', 'localhost', 'localhost:1')),
    path: fc.array(word, { minLength: 1, maxLength: 3 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}$/)),
    digest: fc.option(fc.constant(digest)),
  });
  fc.assert(
    fc.property(reference, ({ registry, path, tag, digest: pinned }) => {
      const written = `${registry ? `${registry}/` : ''}${path.join('/')}${tag ? `:${tag}` : ''}${pinned ? `@${pinned}` : ''}`;
      const parsed = parseReference(written);
      assert.deepEqual(parseReference(parsed.text), parsed);
      assert.equal(parsed.repository, path.join('/'));
    }),
  );
});

test('never throws anything but its Problem, whatever is written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (written) => {
      try {
        parseReference(written);
      } catch (thrown) {
        assert.ok(thrown instanceof Problem && thrown.code === 'IMAGE_REFERENCE_INVALID');
      }
    }),
  );
});
