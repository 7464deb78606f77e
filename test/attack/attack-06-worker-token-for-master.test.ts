import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, postEnrol } from './joining-host.ts';

describe('attack 6: a worker token for a master', () => {
  it('is refused when the host asks to become a master', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ usages: ['join-worker'] });
      await assert.rejects(postEnrol(server, await enrolRequestOf(token, { usage: 'join-master' })), { code: 'TOKEN_USAGE' });
      assert.equal((await server.tokens.list())[0]?.uses, 0);
    }));

  it('leaves a node that is recorded for a worker alone, which is what planners look at', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ usages: ['join-worker'] });
      await postEnrol(server, await enrolRequestOf(token));
      assert.deepEqual(server.nodes.list()[0]?.usages, ['join-worker']);
    }));

  it('cannot be widened by fields of the request', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ usages: ['join-worker'] });
      const request = await enrolRequestOf(token);
      for (const extra of [{ usages: ['join-master'] }, { labels: { role: 'master' } }, { usage: 'admin' }, { nodeId: 'node-1' }])
        await assert.rejects(postEnrol(server, { ...request, ...extra }), { code: 'ENROLMENT_MALFORMED' });
    }));

  it('is refused for another name or network than it is bound to', () =>
    withAttackedServer(async (server) => {
      const named = await server.token({ nodeName: 'm1' });
      await assert.rejects(postEnrol(server, await enrolRequestOf(named.token)), { code: 'TOKEN_BINDING' });
      const near = await server.token({ cidr: '10.77.0.0/16' });
      await assert.rejects(postEnrol(server, await enrolRequestOf(near.token)), { code: 'TOKEN_BINDING' });
      const loopback = await server.token({ cidr: '127.0.0.0/8' });
      assert.equal((await postEnrol(server, await enrolRequestOf(loopback.token))).nodeName, 'h1');
    }));
});
