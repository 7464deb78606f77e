import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { writeFileAtomically } from '../host/write-file-atomically.ts';

/** What an agent proves itself with, as PEM text. */
export interface Identity {
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly caPem: string;
}

/** The identity that enrolment left in `<stateDirectory>/identity`. Problem: AGENT_NOT_ENROLLED. */
export function readIdentity(directory: string): Identity {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  try {
    const identity = { keyPem: read('node.key'), certificatePem: read('node.crt'), caPem: read('ca.crt') };
    createPrivateKey(identity.keyPem);
    readCertificate(identity);
    return identity;
  } catch (error) {
    throw new Problem('AGENT_NOT_ENROLLED', `this host is not enrolled: ${(error as Error).message}`, { cause: error });
  }
}

/** What the agent has to know of its certificate. Not @seal/pki's: that loads all of X.509, which an idle agent does without. */
export function readCertificate({ certificatePem }: Identity): { nodeId: string; notBefore: number; notAfter: number } {
  const { subject, validFromDate, validToDate } = new X509Certificate(certificatePem);
  const nodeId = /^CN=(.+)$/m.exec(subject)?.[1];
  if (nodeId === undefined) throw new Error('the certificate names no node');
  return { nodeId, notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
}

/** Puts a renewed certificate in the place of the old one; the key stays. The authority comes first: it must know the certificate. */
export async function writeRenewed(directory: string, renewed: Pick<Identity, 'certificatePem' | 'caPem'>): Promise<void> {
  await writeFileAtomically(join(directory, 'ca.crt'), Buffer.from(renewed.caPem), 0o600);
  await writeFileAtomically(join(directory, 'node.crt'), Buffer.from(renewed.certificatePem), 0o600);
}
