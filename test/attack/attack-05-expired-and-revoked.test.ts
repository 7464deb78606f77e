import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCertificate } from '@seal/pki';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, JoiningHost, postEnrol } from './joining-host.ts';

const minute = 60_000;

describe('attack 5: use after expiry and revocation, at the edge, under skew', () => {
  it('is refused from the millisecond on at which the token ends', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token({ ttlSeconds: 60, maxUses: 2 });
      const stored = (await server.tokens.list())[0]!;
      const real = server.clock.now;
      server.clock.now = () => stored.expiresAt - 1;
      await postEnrol(server, await enrolRequestOf(token, { hostname: 'h1' }));
      server.clock.now = () => stored.expiresAt;
      await assert.rejects(postEnrol(server, await enrolRequestOf(token, { hostname: 'h2' })), { code: 'TOKEN_EXPIRED' });
      server.clock.now = real;
    }));

  it("follows the server's clock, whatever the host believes", () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      server.clock.offsetMilliseconds = 16 * minute;
      using host = new JoiningHost('h1');
      host.clock.offsetMilliseconds = -60 * minute;
      await assert.rejects(host.enrol(token), { code: 'TOKEN_EXPIRED' });
    }));

  it('gives a host whose clock is five minutes behind a certificate that it finds valid', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      using host = new JoiningHost('h1');
      await host.enrol(token);
      host.clock.offsetMilliseconds = -5 * minute + 2000;
      assert.equal((await host.enrol(token)).already, true);
      const { x509 } = parseCertificate(server.nodes.list()[0]!.certificatePem);
      assert.ok(x509.validFromDate.getTime() <= host.clock.now());
    }));

  it('is refused after revocation, before and after the end of the token', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      await server.tokens.revoke(token.id, 'ann');
      await assert.rejects(postEnrol(server, await enrolRequestOf(token)), { code: 'TOKEN_REVOKED' });
      server.clock.offsetMilliseconds = 24 * 60 * minute;
      await assert.rejects(postEnrol(server, await enrolRequestOf(token)), { code: 'TOKEN_REVOKED' });
    }));

  it('cannot be had with a life of more than a day', () =>
    withAttackedServer(async (server) => {
      await assert.rejects(server.token({ ttlSeconds: 86_401 }), { code: 'USAGE' });
      await assert.rejects(server.token({ ttlSeconds: -1 }), { code: 'USAGE' });
    }));
});
