import { createPrivateKey } from 'node:crypto';
import { makeCsr, parseCertificate } from '@seal/pki';
import * as z from 'zod';
import type { Identity } from '../session/identity.ts';
import { httpsText } from './https-request.ts';

const reply = z.object({ certificatePem: z.string() });

/**
 * The way back of an agent that was off until its certificate expired: the HTTPS endpoint renews up to 30 days later for whoever still
 * has the key, where the gRPC endpoint lets nobody in. `server` is host:port of HTTPS. The key and the CA stay.
 * Problems: UNAUTHENTICATED after 30 days, NODE_REMOVED, PIN_MISMATCH, SERVER_UNREACHABLE.
 */
export async function renewExpired(server: string, identity: Identity): Promise<Identity> {
  const { commonName } = parseCertificate(identity.certificatePem);
  const csr = await makeCsr(createPrivateKey(identity.keyPem), commonName);
  const { caPem, keyPem, certificatePem } = identity;
  const text = await httpsText({ server, path: '/v1/renew', body: { csr }, ca: caPem, cert: certificatePem, key: keyPem });
  return { ...identity, certificatePem: reply.parse(JSON.parse(text)).certificatePem };
}
