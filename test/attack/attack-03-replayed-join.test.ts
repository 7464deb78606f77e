import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createKeyPair, makeCsr, parseCertificate } from '@seal/pki';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, postEnrol } from './joining-host.ts';

describe('attack 3: a captured join replayed', () => {
  it('gives the same certificate, useless without the key, and counts no second use', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      const captured = await enrolRequestOf(token);
      const first = await postEnrol(server, captured);
      const replayed = await postEnrol(server, captured);
      assert.deepEqual(replayed, first);
      assert.equal(server.nodes.list().length, 1);
      assert.equal((await server.tokens.list())[0]?.uses, 1);
      assert.equal((await server.audit.list(1, 100)).filter((record) => record.action === 'enrol').length, 1);
    }));

  it('gives one node and one certificate also to ten at the same time', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ maxUses: 10 });
      const captured = await enrolRequestOf(token);
      const replies = await Promise.all(Array.from({ length: 10 }, () => postEnrol(server, captured)));
      assert.equal(new Set(replies.map((reply) => reply.certificate)).size, 1);
      assert.equal((await server.tokens.list())[0]?.uses, 1);
    }));

  it('is refused with a key of the attacker in it, under either request id', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      const captured = await enrolRequestOf(token);
      await postEnrol(server, captured);
      const his = await createKeyPair();
      const csr = await makeCsr(his.privateKey, 'h1');
      await assert.rejects(postEnrol(server, { ...captured, csr }), { code: 'ENROLMENT_MALFORMED' });
      await assert.rejects(postEnrol(server, { ...captured, csr, requestId: `sha256:${his.spkiSha256}` }), {
        code: 'TOKEN_SPENT',
      });
    }));

  it('gives nothing once the node was removed, its token revoked, or its day is over', () =>
    withAttackedServer(async (server) => {
      const [one, two, three] = await Promise.all([server.token(), server.token(), server.token()]);
      const removed = await enrolRequestOf(one.token, { hostname: 'h1' });
      const revoked = await enrolRequestOf(two.token, { hostname: 'h2' });
      const old = await enrolRequestOf(three.token, { hostname: 'h3' });
      const reply = await postEnrol(server, removed);
      await postEnrol(server, revoked);
      await postEnrol(server, old);
      await server.nodes.remove(reply.nodeId, 'ann');
      await server.tokens.revoke(two.token.id, 'ann');
      await assert.rejects(postEnrol(server, removed), { code: 'NODE_REMOVED' });
      await assert.rejects(postEnrol(server, revoked), { code: 'TOKEN_REVOKED' });
      server.clock.offsetMilliseconds = 25 * 3_600_000;
      await assert.rejects(postEnrol(server, old), { code: 'TOKEN_EXPIRED' });
    }));

  it('of a removed host gives a new host of that name another id', () =>
    withAttackedServer(async (server) => {
      const first = await postEnrol(server, await enrolRequestOf((await server.token()).token));
      await server.nodes.remove(first.nodeId, 'ann');
      const second = await postEnrol(server, await enrolRequestOf((await server.token()).token));
      assert.equal(second.nodeName, first.nodeName);
      assert.notEqual(second.nodeId, first.nodeId);
      assert.equal(parseCertificate(second.certificate).commonName, second.nodeId);
    }));
});
