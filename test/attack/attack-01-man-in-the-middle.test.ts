import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { describe, it } from 'node:test';
import { httpsOptions } from '../../server/src/http/tls-options.ts';
import { type AttackedServer, listen, withAttackedServer } from './attacked-server.ts';
import { JoiningHost } from './joining-host.ts';

/** Stands between host and server with the attacker's own TLS identity, and notes what the host tells him. */
async function withManInTheMiddle(
  attacker: AttackedServer,
  caPem: string,
  work: (address: string, heard: string[]) => Promise<void>,
) {
  const heard: string[] = [];
  const proxy = createServer(httpsOptions(attacker.identity), (request, response) => {
    request.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
    request.on('end', () => response.end(request.url === '/v1/ca.pem' ? caPem : '{}'));
  });
  const port = await listen(proxy);
  try {
    await work(`127.0.0.1:${port}`, heard);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

describe('attack 1: a man in the middle with his own CA', () => {
  it('gets neither the secret nor a node when he shows his own CA', () =>
    withAttackedServer((server) =>
      withAttackedServer(async (attacker) => {
        using host = new JoiningHost('h1');
        const { token } = await server.token();
        await withManInTheMiddle(attacker, attacker.identity.caPem, async (address, heard) => {
          await assert.rejects(host.enrol(token, { server: address }), { code: 'PIN_MISMATCH' });
          assert.deepEqual(heard, []);
          assert.deepEqual(readdirSync(host.stateDirectory), []);
        });
        assert.deepEqual(server.nodes.list(), []);
      }),
    ));

  it('gets nothing either when he shows the genuine CA but cannot prove its name', () =>
    withAttackedServer((server) =>
      withAttackedServer(async (attacker) => {
        using host = new JoiningHost('h1');
        const { token } = await server.token();
        await withManInTheMiddle(attacker, server.identity.caPem, async (address, heard) => {
          await assert.rejects(host.enrol(token, { server: address }), { code: 'PIN_MISMATCH' });
          assert.deepEqual(heard, []);
        });
      }),
    ));

  it('cannot stand in with the certificate of a node, which the genuine CA signed for clients alone', () =>
    withAttackedServer(async (server) => {
      using host = new JoiningHost('h1');
      await host.enrol((await server.token()).token);
      using victim = new JoiningHost('h2');
      const { token } = await server.token();
      const stolen = {
        certificatePem: readFileSync(`${host.stateDirectory}/identity/node.crt`, 'utf8'),
        privateKeyPem: readFileSync(`${host.stateDirectory}/identity/node.key`, 'utf8'),
        caPem: server.identity.caPem,
      };
      const attacker = { ...server, identity: stolen } as unknown as AttackedServer;
      await withManInTheMiddle(attacker, server.identity.caPem, async (address, heard) => {
        await assert.rejects(victim.enrol(token, { server: address }), { code: 'PIN_MISMATCH' });
        assert.deepEqual(heard, []);
      });
    }));
});
