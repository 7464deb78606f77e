import { Document } from 'yaml';
import type { Cluster, HostSpec } from './cluster.ts';

/** The Clusterfile (sealer.cloud/v2) that asks for `cluster`; `parseClusterfile` reads it back to the same Cluster. */
export function toYaml(cluster: Cluster): string {
  const { registry, containerRuntime } = cluster;
  const spec = {
    image: cluster.image,
    dataRoot: cluster.dataRoot,
    ...(Object.keys(cluster.env).length > 0 ? { env: pairs(cluster.env) } : {}),
    ...(cluster.cmds.length > 0 ? { cmd: cluster.cmds } : {}),
    ...(containerRuntime ? { containerRuntime: { type: containerRuntime } } : {}),
    ...(registry ? { registry: { localRegistry: registry } } : {}),
    ...(cluster.hostAliases.length > 0
      ? { hostAliases: cluster.hostAliases.map(({ ip, names }) => ({ ip, hostnames: names })) }
      : {}),
    hosts: cluster.hosts.map(hostEntry),
  };
  const documents: unknown[] = [{ apiVersion: 'sealer.cloud/v2', kind: 'Cluster', metadata: { name: cluster.name }, spec }];
  for (const [kind, tree] of Object.entries(cluster.kubeadm)) documents.push({ ...tree, kind });
  return documents.map(toText).join('---\n');
}

function hostEntry(host: HostSpec): unknown {
  return {
    ips: [host.ip],
    roles: [host.role === 'master' ? 'master' : 'node'],
    ...(Object.keys(host.env).length > 0 ? { env: pairs(host.env) } : {}),
    ...(Object.keys(host.labels).length > 0 ? { labels: host.labels } : {}),
    ...(host.taints.length > 0 ? { taints: host.taints } : {}),
  };
}

function pairs(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function toText(value: unknown): string {
  // Equal parts are written out: an alias would be refused when the file is read.
  return new Document(value, { aliasDuplicateObjects: false }).toString({ lineWidth: 0 });
}
