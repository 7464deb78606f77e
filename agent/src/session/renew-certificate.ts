import { createPrivateKey } from 'node:crypto';
import { Problem } from '@seal/foundation';
import { makeCsr, parseCertificate } from '@seal/pki';
import type { agentProto } from '@seal/protocol';
import { agentServiceClient } from './grpc-transport.ts';
import type { Identity } from './identity.ts';

const deadlineMs = 30_000;

/** Asks the server for a new certificate for the same key, on a connection of its own. Problem: SERVER_UNREACHABLE. */
export async function renewCertificate(server: string, identity: Identity): Promise<Identity> {
  const { commonName } = parseCertificate(identity.certificatePem);
  const csrPem = await makeCsr(createPrivateKey(identity.keyPem), commonName);
  const client = agentServiceClient(server, identity);
  try {
    const reply = await new Promise<agentProto.RenewCertificateReply>((resolve, reject) => {
      const deadline = new Date(Date.now() + deadlineMs);
      client.waitForReady(deadline, (failure) => {
        if (failure) return reject(failure);
        client.renewCertificate({ csrPem }, (error, value) => (error ? reject(error) : resolve(value)));
      });
    });
    return { keyPem: identity.keyPem, certificatePem: reply.certificatePem, caPem: reply.caPem };
  } catch (error) {
    throw new Problem('SERVER_UNREACHABLE', `the server ${server} did not renew the certificate: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    client.close();
  }
}
