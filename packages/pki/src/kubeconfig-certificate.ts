import { createPublicKey } from 'node:crypto';
import type { Authority } from './authority.ts';
import { createKeyPair } from './key-pair.ts';

export interface ClientCredential {
  readonly certificatePem: string;
  /** "EC PRIVATE KEY", secret. */
  readonly privateKeyPem: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/**
 * A client certificate for a cluster's API server, with a new key, for a kubeconfig. By default the cluster's administrator:
 * CN kubernetes-admin in the group system:masters.
 */
export async function issueKubeconfigCertificate(
  clusterAuthority: Authority,
  wanted: { readonly lifetimeSeconds: number; readonly user?: string; readonly group?: string },
): Promise<ClientCredential> {
  const { privateKey, privateKeyPem } = await createKeyPair('ec');
  const certificate = await clusterAuthority.issue({
    publicKey: createPublicKey(privateKey),
    commonName: wanted.user ?? 'kubernetes-admin',
    organization: wanted.group ?? 'system:masters',
    usages: ['client'],
    lifetimeSeconds: wanted.lifetimeSeconds,
  });
  return { certificatePem: certificate.pem, privateKeyPem, expiresAt: certificate.notAfter };
}
