import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { systemClock, systemRandom } from '@seal/foundation';
import { parseBootstrapToken } from '@seal/pki';
import { sqliteIdentityStore } from '../store/identity-sqlite.ts';
import { Tokens } from './tokens.ts';

function tokensWith() {
  const store = sqliteIdentityStore(new DatabaseSync(':memory:'));
  const tokens = new Tokens({ store, clock: systemClock, random: systemRandom, pin: 'p'.repeat(43), server: '10.77.1.10:7444' });
  return { store, tokens };
}

describe('bootstrap tokens of a server', () => {
  it('live 15 minutes, admit one node, and may join as worker or master, unless asked otherwise', async () => {
    const { tokens } = tokensWith();
    const { token } = await tokens.create({}, 'ann');
    assert.equal(token.expiresAt - token.createdAt, 900_000);
    assert.deepEqual([token.maxUses, token.usages], [1, ['join-worker', 'join-master']]);
    const { token: other } = await tokens.create(
      { usages: ['join-master'], ttlSeconds: 86_400, maxUses: 3, nodeName: 'm1', cidr: '10.77.0.0/16', labels: { zone: 'a' } },
      'ann',
    );
    assert.deepEqual([other.usages, other.maxUses, other.nodeName, other.cidr], [['join-master'], 3, 'm1', '10.77.0.0/16']);
    assert.deepEqual(
      (await tokens.list()).map((each) => each.id),
      [other.id, token.id],
    );
  });

  it('name server and pin, and are stored without their secret, in the audit too', async () => {
    const { store, tokens } = tokensWith();
    const { value } = await tokens.create({}, 'ann');
    const { secret, server, pin } = parseBootstrapToken(value);
    assert.deepEqual([server, pin], ['10.77.1.10:7444', 'p'.repeat(43)]);
    const stored = await store.transaction((rows) => JSON.stringify([rows.tokens(), rows.audit(1, 100)]));
    assert.match(stored, /token-created/);
    assert.equal(stored.includes(secret), false);
  });

  it('are refused with a value that says which bound it breaks', async () => {
    const { tokens } = tokensWith();
    await assert.rejects(tokens.create({ usages: ['join-boss'] }, 'ann'), /"join-boss" is not a usage/);
    await assert.rejects(tokens.create({ ttlSeconds: 90_000 }, 'ann'), /is 25h,.*at most 24h/);
    await assert.rejects(tokens.create({ maxUses: 1.5 }, 'ann'), { code: 'USAGE' });
    await assert.rejects(tokens.create({ cidr: '10.77.0.0' }, 'ann'), /not a network/);
    await assert.rejects(tokens.create({ nodeName: 'M_1' }, 'ann'), { code: 'NODE_NAME_INVALID' });
  });

  it('can be revoked once or twice, but not when there is none', async () => {
    const { tokens } = tokensWith();
    const { token } = await tokens.create({}, 'ann');
    await tokens.revoke(token.id, 'ann');
    const [revoked] = await tokens.list();
    assert.notEqual(revoked?.revokedAt, undefined);
    await tokens.revoke(token.id, 'bob');
    assert.deepEqual((await tokens.list())[0], revoked);
    await assert.rejects(tokens.revoke('tok-00000000', 'ann'), { code: 'TOKEN_NOT_FOUND' });
  });

  it('leave nothing behind of a transaction that fails', async () => {
    const { store, tokens } = tokensWith();
    const { token } = await tokens.create({}, 'ann');
    const failing = store.transaction((rows) => {
      rows.putToken({ ...token, uses: 99 });
      throw new Error('power cut');
    });
    await assert.rejects(failing, /power cut/);
    assert.equal((await tokens.list())[0]?.uses, 0);
  });
});
