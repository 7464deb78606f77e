import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openSecretBox } from './secret-box.ts';

describe('secret box', () => {
  let folder: string;
  let keyFile: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'seal-box-'));
    keyFile = join(folder, 'secret.key');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('opens what it sealed, also after its key was read again from its file of mode 0600', () => {
    const sealed = openSecretBox(keyFile, { mayCreate: true }).seal(Buffer.from('a secret'));
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    assert.equal(Buffer.from(sealed).includes('a secret'), false);
    assert.equal(Buffer.from(openSecretBox(keyFile, { mayCreate: false }).open(sealed)).toString(), 'a secret');
  });

  it('opens nothing that was altered, cut, sealed for another context or with another key', () => {
    const box = openSecretBox(keyFile, { mayCreate: true });
    const other = openSecretBox(join(folder, 'other.key'), { mayCreate: true });
    const sealed = Buffer.from(box.seal(Buffer.from('a secret'), 'here'));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.throws(() => box.open(changed, 'here'), { code: 'SECRET_UNREADABLE' });
    }
    assert.throws(() => box.open(sealed.subarray(0, 20), 'here'), { code: 'SECRET_UNREADABLE' });
    assert.throws(() => box.open(sealed, 'there'), { code: 'SECRET_UNREADABLE' });
    assert.throws(() => other.open(sealed, 'here'), { code: 'SECRET_UNREADABLE' });
  });

  it('makes no new key where one should be, and takes none that others may read or that has another size', () => {
    assert.throws(() => openSecretBox(keyFile, { mayCreate: false }), { code: 'SECRET_KEY_INVALID' });
    openSecretBox(keyFile, { mayCreate: true });
    chmodSync(keyFile, 0o640);
    assert.throws(() => openSecretBox(keyFile, { mayCreate: true }), { code: 'SECRET_KEY_INVALID' });
    writeFileSync(keyFile, 'short');
    chmodSync(keyFile, 0o600);
    assert.throws(() => openSecretBox(keyFile, { mayCreate: true }), { code: 'SECRET_KEY_INVALID' });
  });
});
