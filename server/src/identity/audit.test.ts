import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { systemClock } from '@seal/foundation';
import { sqliteIdentityStore } from '../store/identity-sqlite.ts';
import { Audit, findBrokenAudit, redact } from './audit.ts';

async function auditOf(count: number) {
  const database = new DatabaseSync(':memory:');
  const audit = new Audit(sqliteIdentityStore(database), systemClock);
  for (let n = 1; n <= count; n += 1)
    await audit.record({ actor: 'ann', action: '/seal.v1.ClusterService/Run', decision: 'allowed', operation: `op-${n}` });
  return { database, audit };
}

describe('audit', () => {
  it('is a chain in which an altered, missing or swapped record shows', async () => {
    const { audit } = await auditOf(4);
    const records = await audit.list(1, 100);
    const [one, two, three, four] = records as [
      (typeof records)[0],
      (typeof records)[0],
      (typeof records)[0],
      (typeof records)[0],
    ];
    assert.equal(findBrokenAudit(records), undefined);
    assert.equal(findBrokenAudit([one, { ...two, actor: 'eve' }, three, four]), 2);
    assert.equal(findBrokenAudit([one, three, four]), 3);
    assert.equal(findBrokenAudit([one, three, two, four]), 3);
    assert.equal(findBrokenAudit([three, four], two.hash), undefined);
  });

  it('can be added to, and neither changed nor shortened', async () => {
    const { database, audit } = await auditOf(2);
    assert.throws(() => database.exec("UPDATE audit SET body = '{}' WHERE seq = 1"), /append-only/);
    assert.throws(() => database.exec('DELETE FROM audit'), /append-only/);
    assert.equal((await audit.list(1, 100)).length, 2);
  });

  it('keeps the digest of a request and no secret of it', async () => {
    const { audit } = await auditOf(0);
    const request = { image: 'k', secret: 'hunter2', nested: [{ password: 'hunter2' }], text: 'seal1.tok-12345678.hunter2.pin' };
    await audit.record({ actor: 'ann', action: 'x', decision: 'refused', request, detail: request });
    await audit.record({ actor: 'ann', action: 'x', decision: 'refused', request: { ...request, secret: 'other' } });
    await audit.record({ actor: 'ann', action: 'x', decision: 'refused', request: { ...request, image: 'l' } });
    const [first, second, third] = await audit.list(1, 100);
    assert.doesNotMatch(JSON.stringify(first), /hunter2/);
    assert.equal(first?.requestDigest, second?.requestDigest);
    assert.notEqual(first?.requestDigest, third?.requestDigest);
  });

  it('leaves what is no secret as it is', () => {
    const plain = { id: 'tok-1', usages: ['join-worker'], n: 1, nothing: null, ok: true };
    assert.deepEqual(redact(plain), plain);
  });
});
