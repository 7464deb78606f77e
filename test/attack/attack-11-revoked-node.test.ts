import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemRandom } from '@seal/foundation';
import { createAuthority, createKeyPair, makeCsr, parseCertificate, readCsr } from '@seal/pki';
import { renewExpired } from '../../agent/src/enrol/renew-expired.ts';
import { makeAuthenticate } from '../../server/src/identity/authenticate.ts';
import { EnrolledNodes } from '../../server/src/identity/enrolled-nodes.ts';
import { type AttackedServer, withAttackedServer } from './attacked-server.ts';
import { JoiningHost } from './joining-host.ts';

const day = 24 * 3_600_000;

function authenticateOf({ identity, nodes, clock }: AttackedServer) {
  return makeAuthenticate({ authority: identity.authority, nodes, clock });
}

function identityOf(host: JoiningHost) {
  const read = (name: string) => readFileSync(join(host.stateDirectory, 'identity', name), 'utf8');
  return { keyPem: read('node.key'), certificatePem: read('node.crt'), caPem: read('ca.crt') };
}

const derOf = (pem: string) => new X509Certificate(pem).raw;

describe('attack 11: a revoked node', () => {
  it('is known no more from the moment of its removal, also after the server was started again', () =>
    withAttackedServer(async (server) => {
      using host = new JoiningHost('h1');
      const { nodeId } = await host.enrol((await server.token()).token);
      const raw = derOf(identityOf(host).certificatePem);
      const authenticate = authenticateOf(server);
      assert.deepEqual([authenticate(raw).nodeId, authenticate(raw).role], [nodeId, 'agent']);
      const cut: string[] = [];
      server.nodes.onDenied((id) => cut.push(id));
      await server.nodes.remove(nodeId, 'ann');
      assert.deepEqual(cut, [nodeId]);
      assert.throws(() => authenticate(raw), { code: 'NODE_REMOVED' });
      const nodes = await EnrolledNodes.load(server.store, server.clock);
      assert.throws(() => authenticateOf({ ...server, nodes })(raw), { code: 'NODE_REMOVED' });
    }));

  it('cannot renew, nor come back with its key and another token', () =>
    withAttackedServer(async (server) => {
      using host = new JoiningHost('h1');
      const { nodeId } = await host.enrol((await server.token()).token);
      await server.nodes.remove(nodeId, 'ann');
      await assert.rejects(renewExpired(server.address, identityOf(host)), { code: 'NODE_REMOVED' });
      host.clock.offsetMilliseconds = 2 * day;
      await assert.rejects(host.enrol((await server.token()).token), { code: 'NODE_REMOVED' });
      const back = await host.enrol((await server.token()).token, { replace: true });
      assert.notEqual(back.nodeId, nodeId);
    }));

  it('that was only off comes back by itself for 30 days after its certificate ended, and later with a token', () =>
    withAttackedServer(async (server) => {
      using host = new JoiningHost('h1');
      const { nodeId } = await host.enrol((await server.token()).token);
      server.clock.offsetMilliseconds = 30 * day;
      const late = authenticateOf(server);
      assert.throws(() => late(derOf(identityOf(host).certificatePem)), { code: 'UNAUTHENTICATED' });
      assert.equal(late(derOf(identityOf(host).certificatePem), 30 * day).nodeId, nodeId);
      const renewed = parseCertificate((await renewExpired(server.address, identityOf(host))).certificatePem);
      assert.equal(renewed.commonName, nodeId);
      assert.ok(renewed.notAfter > server.clock.now());
      server.clock.offsetMilliseconds = 32 * day;
      await assert.rejects(renewExpired(server.address, identityOf(host)), { code: 'UNAUTHENTICATED' });
      host.clock.offsetMilliseconds = 32 * day;
      const { token } = await server.token();
      assert.equal((await host.enrol(token)).nodeId, nodeId);
      assert.equal(authenticateOf(server)(derOf(identityOf(host).certificatePem)).nodeId, nodeId);
    }));

  it('is one of certificates denied by serial, of other authorities, of servers or of nobody', () =>
    withAttackedServer(async (server) => {
      const authenticate = authenticateOf(server);
      const { privateKey } = await createKeyPair();
      const csrPem = await makeCsr(privateKey, 'ann');
      const ann = await server.issueOperator({ csrPem, role: 'operator', name: 'ann' }, 'local');
      assert.equal(authenticate(derOf(ann.certificatePem)).role, 'operator');
      await server.nodes.denySerial(parseCertificate(ann.certificatePem).serial, 'root');
      assert.throws(() => authenticate(derOf(ann.certificatePem)), { code: 'UNAUTHENTICATED' });
      const { publicKey } = await readCsr(csrPem);
      const admin = {
        publicKey,
        commonName: 'eve',
        organization: 'seal:admin',
        usages: ['client'],
        lifetimeSeconds: 60,
      } as const;
      const his = await createAuthority({ commonName: server.identity.authority.certificate.commonName, organization: 'seal' });
      assert.throws(() => authenticate(derOf(server.identity.certificatePem)), { code: 'UNAUTHENTICATED' });
      assert.throws(() => authenticate(derOf(server.identity.caPem)), { code: 'UNAUTHENTICATED' });
      assert.throws(() => authenticate(undefined), { code: 'UNAUTHENTICATED' });
      assert.throws(() => authenticate(systemRandom.bytes(300)), { code: 'UNAUTHENTICATED' });
      const forged = await his.issue(admin);
      assert.throws(() => authenticate(derOf(forged.pem)), { code: 'UNAUTHENTICATED' });
      const stray = await server.identity.authority.issue({ ...admin, organization: 'system:masters' });
      assert.throws(() => authenticate(derOf(stray.pem)), { code: 'UNAUTHENTICATED' });
      const unknown = await server.identity.authority.issue({
        ...admin,
        commonName: 'node-unknown',
        organization: 'seal:agents',
      });
      assert.throws(() => authenticate(derOf(unknown.pem)), { code: 'UNAUTHENTICATED' });
    }));
});
