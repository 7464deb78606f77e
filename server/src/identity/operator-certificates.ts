import { type Clock, Problem } from '@seal/foundation';
import { type Authority, readCsr } from '@seal/pki';
import { appendAudit } from './audit.ts';
import type { IdentityStore } from './identity-store.ts';

export interface OperatorCertificatesOptions {
  readonly authority: Authority;
  readonly store: IdentityStore;
  readonly clock: Clock;
}

const lifetimeSeconds = 12 * 3600;
const roles = ['admin', 'operator', 'reader'];
const plainName = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,62}$/;

/** A function that issues client certificates for people: CN their name, O `seal:<role>`, 12 hours. Problems: USAGE, CSR_INVALID. */
export function operatorCertificates(options: OperatorCertificatesOptions) {
  return async (wanted: { readonly csrPem: string; readonly role: string; readonly name: string }, issuedBy: string) => {
    const { name, role } = wanted;
    if (!roles.includes(role)) throw new Problem('USAGE', `"${role.slice(0, 64)}" is not a role; there are ${roles.join(', ')}`);
    if (!plainName.test(name))
      throw new Problem('USAGE', `${JSON.stringify(name.slice(0, 64))} cannot be the name of an operator`, {
        remedy: 'Use letters, digits and "@._-", at most 63 characters, beginning with a letter or digit.',
      });
    const { publicKey } = await readCsr(wanted.csrPem);
    const { authority, store, clock } = options;
    const organization = `seal:${role}`;
    const certificate = await authority.issue({ publicKey, commonName: name, organization, usages: ['client'], lifetimeSeconds });
    await store.transaction((rows) => {
      const detail = { name, role, serial: certificate.serial };
      appendAudit(rows, { actor: issuedBy, action: 'operator-certificate', decision: 'allowed', detail }, clock.now());
    });
    return { certificatePem: certificate.pem, caPem: authority.certificatePem, expiresAtMs: certificate.notAfter };
  };
}
