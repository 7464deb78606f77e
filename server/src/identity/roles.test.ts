import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as protocol from '@seal/protocol';
import type { Role } from './caller.ts';
import { authorize, rolesOfMethod } from './roles.ts';

/** Full names of every method of every generated service. */
function methods(): string[] {
  const files = Object.entries(protocol).filter(([name]) => name.endsWith('Proto'));
  return files.flatMap(([, file]) =>
    Object.entries(file as Record<string, unknown>)
      .filter(([name]) => name.endsWith('ServiceService'))
      .flatMap(([, service]) => Object.values(service as Record<string, { path: string }>).map((method) => method.path)),
  );
}

const caller = (role: Role) => ({ kind: 'operator' as const, name: 'ann', role, serial: '1' });
const may = (role: Role, method: string) => {
  try {
    authorize(method, caller(role));
    return true;
  } catch (error) {
    assert.equal((error as { code: string }).code, 'PERMISSION_DENIED');
    return false;
  }
};

describe('roles', () => {
  it('have a row for every method of the contract and for nothing else', () => {
    assert.ok(methods().length > 20);
    assert.deepEqual(Object.keys(rolesOfMethod).sort(), methods().sort());
  });

  it('give a method without a row to admins only', () => {
    assert.equal(may('admin', '/seal.v1.NewService/New'), true);
    for (const role of ['operator', 'reader', 'agent'] as const) assert.equal(may(role, '/seal.v1.NewService/New'), false);
    assert.equal(may('operator', 'constructor'), false);
  });

  it('let an agent call its own stream and its renewal, and those to nobody else', () => {
    const allowed = methods().filter((method) => may('agent', method));
    assert.deepEqual(allowed.sort(), ['/seal.v1.AgentService/RenewCertificate', '/seal.v1.AgentService/Session']);
    for (const method of allowed)
      for (const role of ['admin', 'operator', 'reader'] as const) assert.equal(may(role, method), false);
  });

  it('tell the refused one which command needs which role', () => {
    assert.throws(() => authorize('/seal.v1.ClusterService/Exec', caller('operator')), {
      code: 'PERMISSION_DENIED',
      message: '"sealctl exec" needs the role admin; ann has the role operator',
    });
  });

  it('let a reader change nothing', () => {
    for (const method of methods().filter((name) => may('reader', name))) assert.match(method, /\/(List|Get|Watch)[A-Z]/);
  });

  it('keep commands on nodes, kubeconfigs, tokens and certificates to admins', () => {
    for (const method of [
      'ClusterService/Exec',
      'ClusterService/GetKubeconfig',
      'TokenService/CreateToken',
      'NodeService/RemoveNode',
    ])
      assert.equal(may('operator', `/seal.v1.${method}`), false, method);
  });
});
