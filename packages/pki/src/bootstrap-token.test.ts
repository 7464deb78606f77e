import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { systemRandom } from '@seal/foundation';
import {
  createBootstrapToken,
  formatBootstrapToken,
  matchesVerifier,
  parseBootstrapToken,
  tokenVerifier,
} from './bootstrap-token.ts';

const pin = createHash('sha256').update('an authority').digest('base64url');

describe('bootstrap token', () => {
  it('is one word that gives back id, secret, pin and server', () => {
    const token = createBootstrapToken(pin, '[fd00::1]:7444', systemRandom);
    const text = formatBootstrapToken(token);
    assert.match(text, /^seal1(\.[\w-]+){4}$/);
    assert.deepEqual(parseBootstrapToken(` ${text}\n`), token);
  });

  it('works without a server', () => {
    const token = createBootstrapToken(pin, undefined, systemRandom);
    assert.deepEqual(parseBootstrapToken(formatBootstrapToken(token)), token);
  });

  it('has a secret of 160 bits', () => {
    assert.equal(Buffer.from(createBootstrapToken(pin, undefined, systemRandom).secret, 'base64url').length, 20);
  });

  it('is refused in any other form, without repeating what was given', () => {
    const text = formatBootstrapToken(createBootstrapToken(pin, 'h:1', systemRandom));
    for (const bad of ['', 'seal1', text.slice(0, 60), `${text}.x`, text.replace('seal1', 'seal2'), text.replace('.', ' ')]) {
      assert.throws(
        () => parseBootstrapToken(bad),
        (problem: { code: string; message: string }) => problem.code === 'TOKEN_INVALID' && !problem.message.includes(pin),
      );
    }
  });

  it('matches the verifier of its own secret only', () => {
    const { secret } = createBootstrapToken(pin, undefined, systemRandom);
    const verifier = tokenVerifier(secret, systemRandom);
    assert.equal(verifier.includes(secret), false);
    assert.notEqual(verifier, tokenVerifier(secret, systemRandom));
    assert.equal(matchesVerifier(verifier, secret), true);
    assert.equal(matchesVerifier(verifier, `${secret.slice(0, -1)}_`), secret.endsWith('_'));
    assert.equal(matchesVerifier(verifier, ''), false);
  });

  it('matches nothing where there is no verifier, or a damaged one', () => {
    assert.equal(matchesVerifier(undefined, ''), false);
    assert.equal(matchesVerifier('', 'x'), false);
    assert.equal(matchesVerifier('abc.def', 'x'), false);
  });
});
