import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { parseCertificate, writePrivateFile } from '@seal/pki';

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
    parseCertificate(identity.certificatePem);
    return identity;
  } catch (error) {
    throw new Problem('AGENT_NOT_ENROLLED', `this host is not enrolled: ${(error as Error).message}`, { cause: error });
  }
}

/** Puts a renewed certificate in the place of the old one; the key stays. The authority comes first: it must know the certificate. */
export function writeRenewed(directory: string, renewed: { readonly certificatePem: string; readonly caPem: string }): void {
  writePrivateFile(join(directory, 'ca.crt'), renewed.caPem);
  writePrivateFile(join(directory, 'node.crt'), renewed.certificatePem);
}
