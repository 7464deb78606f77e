import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { createKeyPair, makeCsr, parseCertificate } from '@seal/pki';
import {
  BasicConstraintsExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '../../packages/pki/src/x509.ts';
import { withAttackedServer } from './attacked-server.ts';
import { enrolRequestOf, JoiningHost, postEnrol } from './joining-host.ts';

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

describe('attack 7: a CSR that asks for more', () => {
  it("gives an agent's certificate of a new node, whatever subject, CA and names the CSR asks for", () =>
    withAttackedServer(async (server) => {
      const victim = await postEnrol(server, await enrolRequestOf((await server.token()).token, { hostname: 'victim' }));
      const key = await createKeyPair();
      const publicKey = createPublicKey(key.privateKey);
      const csr = await Pkcs10CertificateRequestGenerator.create({
        name: [{ O: ['seal:admin'] }, { CN: [victim.nodeId] }],
        keys: {
          privateKey: key.privateKey.toCryptoKey(signing, false, ['sign']),
          publicKey: publicKey.toCryptoKey(signing, true, ['verify']),
        },
        signingAlgorithm: signing,
        extensions: [
          new BasicConstraintsExtension(true, 5, true),
          new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
        ],
      });
      const { token } = await server.token();
      const reply = await postEnrol(server, await enrolRequestOf(token, { csr: csr.toString('pem'), hostname: 'eve' }, key));
      const certificate = parseCertificate(reply.certificate);
      assert.notEqual(reply.nodeId, victim.nodeId);
      assert.equal(certificate.commonName, reply.nodeId);
      assert.equal(certificate.organization, 'seal:agents');
      assert.equal(certificate.isAuthority, false);
      assert.deepEqual(certificate.usages, ['client']);
      assert.equal(certificate.x509.subjectAltName, undefined);
      assert.ok(certificate.notAfter - certificate.notBefore <= (24 * 60 + 5) * 60_000);
    }));

  it('is refused with 16 KiB, trailing bytes, two blocks, or a foreign signature, and the token is not spent', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      const key = await createKeyPair();
      const good = await makeCsr(key.privateKey, 'h1');
      const foreign = withOtherSignature(good);
      for (const csr of [good + '\n'.repeat(12_000), `${good}MIIB`, good + good, foreign, ''])
        await assert.rejects(postEnrol(server, await enrolRequestOf(token, { csr }, key)), { code: 'CSR_INVALID' });
      const tooLarge = 'x'.repeat(17_000);
      await assert.rejects(postEnrol(server, await enrolRequestOf(token, { csr: tooLarge }, key)), {
        code: 'ENROLMENT_MALFORMED',
      });
      assert.equal((await server.tokens.list())[0]?.uses, 0);
    }));

  it("cannot take another node's name without a token that is bound to it", () =>
    withAttackedServer(async (server) => {
      using m1 = new JoiningHost('m1');
      using eve = new JoiningHost('m1');
      const before = await m1.enrol((await server.token()).token);
      await assert.rejects(eve.enrol((await server.token()).token), { code: 'NODE_NAME_TAKEN' });
      await assert.rejects(eve.enrol((await server.token()).token, { replace: true }), { code: 'NODE_NAME_TAKEN' });
      const bound = await server.token({ nodeName: 'm1' });
      await assert.rejects(eve.enrol(bound.token), { code: 'NODE_NAME_TAKEN' });
      server.clusterOf.set(before.nodeId, 'kx');
      await assert.rejects(eve.enrol(bound.token, { replace: true }), { code: 'NODE_IN_CLUSTER' });
      server.clusterOf.clear();
      const denied: string[] = [];
      server.nodes.onDenied((nodeId) => denied.push(nodeId));
      const after = await eve.enrol(bound.token, { replace: true });
      assert.notEqual(after.nodeId, before.nodeId);
      assert.deepEqual(denied, [before.nodeId]);
    }));

  it('cannot bring names that are none', () =>
    withAttackedServer(async (server) => {
      const { token } = await server.token();
      for (const hostname of ['', '-h', 'h_1', 'H1', 'a b', '../h1', 'h1,O=seal:admin', '\u001b[31mh1', `${'a'.repeat(64)}`])
        await assert.rejects(
          postEnrol(server, await enrolRequestOf(token, { hostname })),
          { code: 'NODE_NAME_INVALID' },
          hostname,
        );
    }));

  it('cannot renew itself into another node or another kind of certificate', () =>
    withAttackedServer(async (server) => {
      const key = await createKeyPair();
      const one = await postEnrol(server, await enrolRequestOf((await server.token()).token, { hostname: 'h1' }));
      const other = await postEnrol(server, await enrolRequestOf((await server.token()).token, { hostname: 'h2' }, key));
      const csr = await makeCsr(key.privateKey, other.nodeId);
      await assert.rejects(server.enrolment.renew(one.nodeId, csr), { code: 'PERMISSION_DENIED' });
      const renewed = parseCertificate((await server.enrolment.renew(other.nodeId, csr)).certificatePem);
      assert.deepEqual([renewed.commonName, renewed.organization], [other.nodeId, 'seal:agents']);
    }));
});

/** The same request with the last bit of its signature turned. */
function withOtherSignature(pem: string): string {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
  der[der.length - 1]! ^= 1;
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}
