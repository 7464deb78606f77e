import { isScalar, type Node, type YAMLMap } from 'yaml';
import { clusterNamePattern } from './check-cluster.ts';
import type { Cluster } from './cluster.ts';
import { clusterDefaults } from './cluster-defaults.ts';
import type { ClusterfileReader } from './clusterfile-reader.ts';
import { expandHosts } from './expand-hosts.ts';
import { HostList, readLabels, readSealerRoles, readTaints } from './host-list.ts';
import { readRegistry } from './read-registry.ts';

type Draft = { -readonly [K in keyof Cluster]: Cluster[K] };

/** A Cluster document of sealer (sealer.cloud/v2, sealer.io/v2). */
export function readSealerCluster(reader: ClusterfileReader, map: YAMLMap): Cluster {
  const draft: Draft = { ...clusterDefaults };
  reader.fields(map, 'a Cluster document', {
    apiVersion: accepted,
    kind: accepted,
    metadata: (node) => readMetadata(reader, node, draft),
    spec: (node) => readSpec(reader, node, draft),
    status: accepted,
  });
  return draft;
}

/** `metadata`, of which only the name of a Cluster means something here. */
export function readMetadata(reader: ClusterfileReader, node: Node | null, draft?: Draft): void {
  reader.fields(node, 'metadata', {
    name: (value) => {
      const name = reader.text(value, 'metadata.name');
      if (name === undefined || !draft) return;
      if (clusterNamePattern.test(name)) draft.name = name;
      else reader.wrong(value, `"${name}" is no name for a cluster; expected at most 40 lower-case letters, digits and "-"`);
    },
    creationTimestamp: accepted,
    namespace: accepted,
    labels: accepted,
    annotations: accepted,
  });
}

export function accepted(): void {
  // Nothing to read.
}

function readSpec(reader: ClusterfileReader, spec: Node | null, draft: Draft): void {
  const later = (name: string) => (value: Node | null) =>
    reader.list(value, name).length > 0 && reader.wrong(value, `${name} is not supported yet by this version`);
  const set = (part: Partial<Cluster>) => void Object.assign(draft, part);
  const hosts = new HostList(reader);
  reader.fields(spec, 'spec', {
    image: (value) => set(readImages(reader, value)),
    env: (value) => set({ env: reader.env(value, 'spec.env') }),
    cmd: (value) => set({ cmds: reader.texts(value, 'spec.cmd').map(({ text }) => text) }),
    cmd_args: later('spec.cmd_args'),
    appNames: (value) => set({ launchApps: reader.texts(value, 'spec.appNames').map(({ text }) => text) }),
    hosts: (value) => {
      for (const [index, host] of reader.list(value, 'spec.hosts').entries()) readHost(reader, host, index, hosts);
    },
    ssh: (value) => reader.warn(value, 'spec.ssh has no effect: agents need no SSH. Passwords may be removed from the file.'),
    containerRuntime: (value) => readContainerRuntime(reader, value, draft),
    hostAliases: (value) => set({ hostAliases: readHostAliases(reader, value) }),
    registry: (value) => readRegistry(reader, value, draft),
    dataRoot: (value) => readDataRoot(reader, value, draft),
  });
  draft.hosts = hosts.hosts;
}

/** One image, or a list of them; one that is listed again (sealos lists an image once more for every run) counts once. */
export function readImages(reader: ClusterfileReader, value: Node | null): Pick<Cluster, 'image' | 'images'> {
  const listed = isScalar(value)
    ? [reader.text(value, 'spec.image') ?? '']
    : reader.texts(value, 'spec.image').map(({ text }) => text);
  const [image = '', ...images] = new Set(listed);
  return { image, ...(images.length > 0 ? { images } : {}) };
}

function readHost(reader: ClusterfileReader, host: Node, index: number, hosts: HostList): void {
  const what = `spec.hosts[${index}]`;
  const group = hosts.group(host, what);
  reader.fields(host, what, {
    ips: (value) => {
      for (const { node, text } of reader.texts(value, `${what}.ips`)) group.addresses(node, () => expandHosts(text));
    },
    roles: (value) => group.role(readSealerRoles(reader, value, what)),
    env: (value) => group.details({ env: reader.env(value, `${what}.env`) }),
    labels: (value) => group.details({ labels: readLabels(reader, value, `${what}.labels`) }),
    taints: (value) => group.details({ taints: readTaints(reader, value, `${what}.taints`) }),
    ssh: (value) => reader.warn(value, `${what}.ssh has no effect: agents need no SSH. Passwords may be removed from the file.`),
  });
  group.end();
}

function readContainerRuntime(reader: ClusterfileReader, value: Node | null, draft: Draft): void {
  reader.fields(value, 'spec.containerRuntime', {
    type: (node) => {
      const type = reader.text(node, 'spec.containerRuntime.type');
      if (type === 'containerd' || type === 'docker') draft.containerRuntime = type;
      else if (type) reader.wrong(node, `container runtime "${type}" is unknown; expected containerd or docker`);
    },
  });
}

function readHostAliases(reader: ClusterfileReader, value: Node | null): Cluster['hostAliases'] {
  return reader.list(value, 'spec.hostAliases').flatMap((item, index) => {
    const what = `spec.hostAliases[${index}]`;
    let ip: string | undefined;
    let names: string[] = [];
    reader.fields(item, what, {
      ip: (node) => {
        const text = reader.text(node, `${what}.ip`);
        const found = text === undefined ? undefined : oneAddress(text);
        if (found) ip = found;
        else if (text !== undefined) reader.wrong(node, `"${text}" is no IP address`);
      },
      hostnames: (node) => {
        for (const entry of reader.texts(node, `${what}.hostnames`)) {
          if (/^[A-Za-z0-9]([-.A-Za-z0-9]{0,252})$/.test(entry.text)) names = [...names, entry.text];
          else reader.wrong(entry.node, `"${entry.text}" is no host name`);
        }
      },
    });
    if (names.length === 0) reader.wrong(item, `${what} names no hostnames`);
    return ip === undefined ? [] : [{ ip, names }];
  });
}

function oneAddress(text: string): string | undefined {
  try {
    const found = expandHosts(text);
    return found.length === 1 ? found[0] : undefined;
  } catch {
    // Only HOSTS_INVALID can come; the caller says it with the position.
    return undefined;
  }
}

function readDataRoot(reader: ClusterfileReader, value: Node | null, draft: Draft): void {
  const path = reader.text(value, 'spec.dataRoot');
  if (path === undefined) return;
  if (dataRootPattern.test(path)) draft.dataRoot = path;
  else
    reader.wrong(
      value,
      `"${path}" is no place for the data root; expected an absolute path of at least two plain names, such as /var/lib/seal/data`,
    );
}

/** At least two levels, so that what is removed at the end is never a top-level directory; no "." or ".." and nothing a shell would mind. */
export const dataRootPattern = /^(\/(?!\.\.?(\/|$))[A-Za-z0-9._-]+){2,}$/;
