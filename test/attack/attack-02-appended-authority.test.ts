import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAuthority } from '@seal/pki';
import { readPinnedAuthority } from '../../agent/src/enrol/read-pinned-authority.ts';

describe('attack 2: a CA appended to the genuine bundle', () => {
  it('is refused with the whole bundle, in whichever place it stands', async () => {
    const genuine = await createAuthority({ commonName: 'Seal' });
    const attacker = await createAuthority({ commonName: 'Seal' });
    const [ca, his] = [genuine.certificatePem, attacker.certificatePem];
    assert.equal(readPinnedAuthority(ca, genuine.pin, 's'), ca);
    for (const bundle of [
      ca + his,
      his + ca,
      `${ca}\n${his}`,
      `${ca}junk`,
      `junk\n${ca}`,
      ca.replace('\n-----END', `\n${his}-----END`),
    ])
      assert.throws(() => readPinnedAuthority(bundle, genuine.pin, 's'), { code: 'PIN_MISMATCH' });
    assert.throws(() => readPinnedAuthority(his, genuine.pin, 's'), { code: 'PIN_MISMATCH' });
  });
});
