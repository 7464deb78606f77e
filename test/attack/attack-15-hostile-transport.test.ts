import assert from 'node:assert/strict';
import { connect as connectPlain } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '@seal/foundation';
import { httpsText } from '../../agent/src/enrol/https-request.ts';
import { type AttackedServer, withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, postEnrol } from './joining-host.ts';

/** Everything that comes back on a connection until it is closed; "" when it was cut. */
function talk(server: AttackedServer, text: string, options: { plain?: boolean; maxVersion?: 'TLSv1.2' } = {}): Promise<string> {
  return new Promise((resolve) => {
    const { port } = server;
    const { plain, ...tls } = options;
    const socket = plain
      ? connectPlain(port, '127.0.0.1', () => socket.write(text))
      : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...tls }, () => socket.write(text));
    let received = '';
    socket.on('data', (chunk) => (received += chunk));
    socket.on('error', (error) => (received += `<${'code' in error ? error.code : error.message}>`));
    socket.on('close', () => resolve(received));
  });
}

describe('attack 15: oversized frames, half-open joins, plaintext and old TLS', () => {
  it('gets no answer in plaintext nor over TLS 1.2', () =>
    withAttackedServer(async (server) => {
      const request = 'GET /v1/ca.pem HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n';
      assert.match(await talk(server, request), /^HTTP\/1\.1 200 OK/);
      assert.doesNotMatch(await talk(server, request, { plain: true }), /BEGIN CERTIFICATE/);
      assert.match(await talk(server, request, { maxVersion: 'TLSv1.2' }), /^<ERR_SSL/);
    }));

  it('is refused with a body of more than 64 KiB, announced or not, and the server goes on', () =>
    withAttackedServer(async (server) => {
      const body = 'x'.repeat(70_000);
      const announced = `POST /v1/enrol HTTP/1.1\r\nhost: s\r\ncontent-length: ${body.length}\r\n\r\n`;
      assert.match(await talk(server, announced), /^HTTP\/1\.1 400[\s\S]*REQUEST_INVALID[\s\S]*65536/);
      const chunked = `POST /v1/enrol HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n`;
      assert.match(await talk(server, chunked), /^HTTP\/1\.1 400[\s\S]*REQUEST_INVALID/);
      await postEnrol(server, await enrolRequestOf((await server.token()).token));
    }));

  it('holds no place by half-open joins: their time is up, and others wait no longer than that', () => {
    let expire: () => void = () => assert.fail('no deadline was set');
    const clock = {
      now: () => Date.now(),
      setTimer: (milliseconds: number, callback: () => void) => {
        assert.equal(milliseconds, 10_000);
        expire = callback;
        return () => undefined;
      },
    };
    return withAttackedServer(
      async (server) => {
        const half = talk(server, 'POST /v1/enrol HTTP/1.1\r\nhost: s\r\ncontent-length: 1000\r\n\r\n{"requestId":');
        const { token } = await server.token();
        const request = await enrolRequestOf(token);
        // The half-open join takes the only place as soon as the server has seen it.
        let code = '';
        for (let attempt = 0; code !== 'RATE_LIMITED' && attempt < 200; attempt += 1) {
          code = await postEnrol(server, { ...request, secret: 'A'.repeat(27) }).catch((error) => error.code);
        }
        assert.equal(code, 'RATE_LIMITED');
        expire();
        assert.match(await half, /^HTTP\/1\.1 400[\s\S]*did not come within 10 s/);
        assert.equal((await postEnrol(server, request)).nodeName, 'h1');
      },
      { enrolmentsMax: 1, clock, enrolRate: { burst: 1000, perSecond: 1000 }, openRate: { burst: 1000, perSecond: 1000 } },
    );
  });

  it('gets a clear answer to what is no JSON, no enrolment or no path', () =>
    withAttackedServer(async (server) => {
      const ca = server.identity.caPem;
      const garbage = 'POST /v1/enrol HTTP/1.1\r\nhost: s\r\ncontent-length: 3\r\n\r\n{"x';
      assert.match(await talk(server, garbage), /^HTTP\/1\.1 400[\s\S]*is not JSON/);
      for (const body of [[], 'x', null, { requestId: 1 }, { __proto__: null, toString: 'x' }])
        await assert.rejects(postEnrol(server, body), { code: 'ENROLMENT_MALFORMED' });
      for (const path of [
        '/',
        '/v1',
        '/v1/enrol',
        '/../../etc/passwd',
        '/v1/agent/..%2f..%2fstate.db',
        '/v1/agent/linux-mips.tar.gz',
      ])
        await assert.rejects(httpsText({ server: server.address, path, ca }), { code: 'ROUTE_NOT_FOUND' }, path);
    }));

  it('is limited per address where no certificate is needed', () =>
    withAttackedServer(
      async (server) => {
        const get = () => httpsText({ server: server.address, path: '/v1/ca.pem', ca: server.identity.caPem });
        await get();
        await get();
        await assert.rejects(get(), { code: 'RATE_LIMITED' });
      },
      { openRate: { burst: 2, perSecond: 0 }, clock: systemClock },
    ));
});
