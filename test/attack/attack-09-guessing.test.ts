import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Problem } from '@seal/foundation';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, postEnrol } from './joining-host.ts';

describe('attack 9: guessing ids and secrets', () => {
  it('learns the same from a wrong secret as from an id that does not exist, whatever state the token is in', () =>
    withAttackedServer(async (server) => {
      const live = await server.token();
      const revoked = await server.token();
      await server.tokens.revoke(revoked.token.id, 'ann');
      const spent = await server.token();
      await postEnrol(server, await enrolRequestOf(spent.token, { hostname: 'h9' }));
      const wrong = 'A'.repeat(27);
      const answers = [];
      for (const tokenId of [live.token.id, revoked.token.id, spent.token.id, 'tok-00000000', '', "' OR 1=1 --"]) {
        const problem: Problem = await postEnrol(server, await enrolRequestOf(live.token, { tokenId, secret: wrong })).then(
          () => assert.fail(`${tokenId} was let in`),
          (error) => error,
        );
        answers.push([problem.code, problem.message, problem.remedy].join());
      }
      assert.equal(new Set(answers).size, 1);
      assert.match(answers[0]!, /^TOKEN_INVALID,/);
    }));

  it('is slowed down per address, and fills neither the audit nor the memory', () =>
    withAttackedServer(
      async (server) => {
        const { token } = await server.token();
        const before = (await server.audit.list(1, 1000)).length;
        const request = await enrolRequestOf(token, { secret: 'A'.repeat(27) });
        const codes: string[] = [];
        for (let guess = 0; guess < 8; guess += 1)
          await postEnrol(server, request).catch((error: Problem) => codes.push(error.code));
        assert.deepEqual(codes.slice(0, 5), Array(5).fill('TOKEN_INVALID'));
        assert.deepEqual(codes.slice(5), Array(3).fill('RATE_LIMITED'));
        assert.equal((await server.audit.list(1, 1000)).length, before);
      },
      { enrolRate: { burst: 5, perSecond: 0 } },
    ));
});
