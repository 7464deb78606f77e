import { Document } from 'yaml';
import type { Cluster, HostSpec } from './cluster.ts';

/** The Clusterfile (sealer.cloud/v2) that asks for `cluster`; `parseClusterfile` reads it back to the same Cluster. */
export function toYaml(cluster: Cluster): string {
  const { registry, containerRuntime } = cluster;
  const spec = {
    image: cluster.images && cluster.images.length > 0 ? [cluster.image, ...cluster.images] : cluster.image,
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
  documents.push(...appDocuments(cluster));
  return documents.map(toText).join('---\n');
}

/** The Application and the Configs; files of apps are Configs here, which say the same. */
function appDocuments({ launchApps = [], apps = [], configs = [] }: Cluster): unknown[] {
  const entries = apps.map(({ name, env, launch, uninstall }) => ({
    name,
    ...(Object.keys(env).length > 0 ? { env: pairs(env) } : {}),
    ...(launch.length > 0 ? { launch: { cmds: launch } } : {}),
    ...(uninstall.length > 0 ? { delete: { cmds: uninstall } } : {}),
  }));
  const spec = { ...(launchApps.length > 0 ? { launchApps } : {}), ...(entries.length > 0 ? { configs: entries } : {}) };
  const application = { apiVersion: 'sealer.io/v1', kind: 'Application', metadata: { name: 'apps' }, spec };
  const configDocuments = configs.map(({ path, data, strategy, app }, index) => ({
    apiVersion: 'sealer.io/v1',
    kind: 'Config',
    metadata: { name: `config-${index + 1}` },
    spec: {
      path,
      ...(app ? { appName: app } : {}),
      ...(strategy === 'secret' ? { process: 'toSecret' } : { strategy }),
      data,
    },
  }));
  return [...(Object.keys(spec).length > 0 ? [application] : []), ...configDocuments];
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
