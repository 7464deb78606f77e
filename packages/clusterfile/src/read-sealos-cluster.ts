import type { Node, YAMLMap } from 'yaml';
import type { Cluster, HostSpec } from './cluster.ts';
import { clusterDefaults } from './cluster-defaults.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';
import { expandHosts } from './expand-hosts.ts';
import { HostList } from './host-list.ts';
import { accepted, readImages, readMetadata } from './read-sealer-cluster.ts';

type Draft = { -readonly [K in keyof Cluster]: Cluster[K] };

const architectures = ['amd64', 'arm64'];

/** A Cluster document of sealos (apps.sealos.io/v1beta1). Ports of hosts are those of SSH and have no effect; `status` is sealos' own. */
export function readSealosCluster(reader: ClusterfileReader, map: YAMLMap): Cluster {
  const draft: Draft = { ...clusterDefaults };
  const set = (part: Partial<Cluster>) => void Object.assign(draft, part);
  const hosts = new HostList(reader);
  reader.fields(map, 'a Cluster document', {
    apiVersion: accepted,
    kind: accepted,
    metadata: (node) => readMetadata(reader, node, draft),
    spec: (spec) =>
      reader.fields(spec, 'spec', {
        image: (value) => set(readImages(reader, value)),
        env: (value) => set({ env: reader.env(value, 'spec.env') }),
        command: (value) => set({ cmds: reader.texts(value, 'spec.command').map(({ text }) => text) }),
        hosts: (value) => {
          for (const [index, host] of reader.list(value, 'spec.hosts').entries()) readHost(reader, host, index, hosts);
        },
        ssh: (value) => reader.warn(value, 'spec.ssh has no effect: agents need no SSH. Passwords may be removed from the file.'),
      }),
    status: accepted,
  });
  draft.hosts = hosts.hosts;
  return draft;
}

function readHost(reader: ClusterfileReader, host: Node, index: number, hosts: HostList): void {
  const what = `spec.hosts[${index}]`;
  const group = hosts.group(host, what);
  reader.fields(host, what, {
    ips: (value) => {
      for (const { node, text } of reader.texts(value, `${what}.ips`))
        group.addresses(node, () => expandHosts(withoutPort(text)));
    },
    roles: (value) => group.role(readRoles(reader, value, what)),
    env: (value) => group.details({ env: reader.env(value, `${what}.env`) }),
    ssh: (value) => reader.warn(value, `${what}.ssh has no effect: agents need no SSH. Passwords may be removed from the file.`),
  });
  group.end();
}

/** `10.0.4.3:22` and `[fd00::1]:22` without the port; an IPv6 address without brackets stays as it is. */
function withoutPort(text: string): string {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text.trim());
  return match ? (match[1] ?? match[2]!) : text;
}

/** master or node, and perhaps an architecture, which Seal reads from the host itself. */
function readRoles(reader: ClusterfileReader, value: Node | null, what: string): HostSpec['role'] | undefined {
  const roles = reader.texts(value, `${what}.roles`).filter(({ text }) => !architectures.includes(text));
  const unknown = roles.find(({ text }) => text !== 'master' && text !== 'node');
  if (unknown)
    return reader.wrong(unknown.node, `role "${unknown.text}" is unknown; expected master or node, and amd64 or arm64`);
  if (new Set(roles.map(({ text }) => text)).size !== 1)
    return reader.wrong(value, `${what}.roles must name one of master and node`);
  return roles[0]!.text === 'master' ? 'master' : 'worker';
}
