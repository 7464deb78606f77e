import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, JoiningHost, postEnrol } from './joining-host.ts';

describe('attack 4: two hosts race a single-use token', () => {
  it('lets exactly one of them in', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      using one = new JoiningHost('h1');
      using other = new JoiningHost('h2');
      const results = await Promise.allSettled([one.enrol(token), other.enrol(token)]);
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      assert.deepEqual(refused, ['TOKEN_SPENT']);
      assert.equal(server.nodes.list().length, 1);
    }));

  it('lets exactly as many in as the token may admit, of twenty at once', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ maxUses: 7 });
      const requests = await Promise.all(Array.from({ length: 20 }, (_, n) => enrolRequestOf(token, { hostname: `h${n}` })));
      const results = await Promise.allSettled(requests.map((request) => postEnrol(server, request)));
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 7);
      const [stored] = await server.tokens.list();
      assert.deepEqual([stored?.uses, stored?.usedBy.length, server.nodes.list().length], [7, 7, 7]);
    }));

  it('lets one of two hosts have a name', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ maxUses: 2 });
      const requests = await Promise.all([enrolRequestOf(token), enrolRequestOf(token)]);
      const results = await Promise.allSettled(requests.map((request) => postEnrol(server, request)));
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      assert.deepEqual(refused, ['NODE_NAME_TAKEN']);
      assert.equal((await server.tokens.list())[0]?.uses, 1);
    }));
});
