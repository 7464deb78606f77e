import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { systemClock } from '@seal/foundation';
import { sqliteIdentityStore } from '../store/identity-sqlite.ts';
import { Audit } from './audit.ts';
import { auditedGuard } from './audited-guard.ts';
import type { Role } from './caller.ts';
import { authorize } from './roles.ts';

const guardAs = (role: Role) => (call: { getPath(): string }) => {
  const caller = { kind: 'operator' as const, name: 'ann', role, serial: 'abc' };
  authorize(call.getPath(), caller);
  return caller;
};
const callOf = (method: string) => ({ getPath: () => `/seal.v1.${method}` });

describe('audited guard', () => {
  it('keeps who was allowed to change and who was refused, and not who read', async () => {
    const audit = new Audit(sqliteIdentityStore(new DatabaseSync(':memory:')), systemClock);
    const onFailed = (error: unknown) => assert.fail(String(error));
    const operator = auditedGuard(guardAs('operator'), audit, onFailed);
    assert.equal(operator(callOf('ClusterService/Run')).name, 'ann');
    operator(callOf('ClusterService/ListClusters'));
    assert.throws(() => operator(callOf('ClusterService/Exec')), { code: 'PERMISSION_DENIED' });
    const kept = (await audit.list(1, 10)).map(({ serial, action, decision }) => [serial, action, decision]);
    assert.deepEqual(kept, [
      ['abc', '/seal.v1.ClusterService/Run', 'allowed'],
      ['', '/seal.v1.ClusterService/Exec', 'refused'],
    ]);
  });
});
