import { issueKubeconfigCertificate, loadAuthority } from '@seal/pki';
import type { ClusterRecord } from '@seal/runtime';
import { dump } from 'js-yaml';
import type { Material } from './material.ts';

/** An admin kubeconfig for a cluster, issued now from its CA and valid for `ttlHours`; it speaks to the first master that is ready. */
export async function issueKubeconfig(material: Material, record: ClusterRecord, ttlHours: number): Promise<string> {
  const ref = `cluster/${record.name}/ca`;
  const privateKeyPem = Buffer.from(await material.resolve(`${ref}.key`)).toString();
  const certificatePem = Buffer.from(await material.resolve(`${ref}.crt`)).toString();
  const authority = loadAuthority({ certificatePem, privateKeyPem });
  const client = await issueKubeconfigCertificate(authority, { lifetimeSeconds: ttlHours * 3600 });
  const masters = record.members.filter((member) => member.role === 'master');
  const master = masters.find((member) => member.state === 'ready') ?? masters[0];
  const host = master?.ip.includes(':') ? `[${master.ip}]` : master?.ip;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: record.name, cluster: { server: `https://${host}:6443`, 'certificate-authority-data': base64(certificatePem) } },
    ],
    users: [
      {
        name: `${record.name}-admin`,
        user: { 'client-certificate-data': base64(client.certificatePem), 'client-key-data': base64(client.privateKeyPem) },
      },
    ],
    contexts: [{ name: record.name, context: { cluster: record.name, user: `${record.name}-admin` } }],
    'current-context': record.name,
  });
}
