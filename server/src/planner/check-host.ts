import type { HostSpec } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { ClusterRecord, ImageFacts, SeenNode } from '@seal/runtime';

export interface HostCheck {
  readonly cluster: string;
  readonly image: ImageFacts;
  readonly record: ClusterRecord | undefined;
  readonly host: HostSpec;
  readonly seen: SeenNode;
  readonly ports: readonly number[];
}

/** kubeadm refuses a control plane on fewer. */
const masterCpus = 2;
const mebibyte = 1024 * 1024;
const spareBytes = 1024 * mebibyte;

/** What stands in the way of one host taking its role, by the facts its agent reported. */
export function checkHost(check: HostCheck): Problem[] {
  return [
    ...roleAllowed(check),
    ...notElsewhere(check),
    ...architecture(check),
    ...portsFree(check),
    ...resources(check),
    ...clock(check),
  ];
}

function roleAllowed({ host, seen }: HostCheck): Problem[] {
  const needed = host.role === 'master' ? 'join-master' : 'join-worker';
  if (seen.usages.includes(needed)) return [];
  const allowed = seen.usages.join(', ') || 'nothing';
  return [new Problem('NODE_ROLE_FORBIDDEN', `${name(seen, host)} is to be a ${host.role}; its token allows ${allowed}`)];
}

function notElsewhere({ cluster, host, seen }: HostCheck): Problem[] {
  if (seen.cluster !== undefined && seen.cluster !== cluster)
    return [new Problem('NODE_IN_CLUSTER', `${name(seen, host)} is a member of cluster ${seen.cluster}`)];
  const leftovers = seen.facts.rootfs.filter((other) => other !== cluster);
  if (leftovers.length === 0) return [];
  return [
    new Problem(
      'NODE_IN_CLUSTER',
      `${name(seen, host)} still holds the rootfs of cluster ${leftovers.join(', ')}, of which it is no member`,
      {
        remedy: 'It was probably away when that cluster was deleted. Clean or reinstall the host first.',
      },
    ),
  ];
}

function architecture({ image, host, seen }: HostCheck): Problem[] {
  if (seen.facts.arch === image.arch) return [];
  return [
    new Problem(
      'IMAGE_ARCH_MISMATCH',
      `image ${image.reference} is for ${image.arch}, ${name(seen, host)} is ${seen.facts.arch}`,
    ),
  ];
}

/** On a host that had begun to join this very cluster the ports are ours; on one of another cluster they go with it. */
function portsFree({ cluster, record, host, seen, ports }: HostCheck): Problem[] {
  if (seen.cluster !== undefined && seen.cluster !== cluster) return [];
  if (record?.members.some((member) => member.nodeId === seen.id)) return [];
  const taken = ports.filter((port) => seen.facts.listeningPorts.includes(port));
  if (taken.length === 0) return [];
  const which = taken.length === 1 ? `port ${taken[0]} is` : `ports ${taken.join(', ')} are`;
  return [
    new Problem(
      'PORT_TAKEN',
      `${which} in use on ${name(seen, host)}, and a ${host.role} needs ${taken.length === 1 ? 'it' : 'them'}`,
      { details: { host: host.ip, ports: taken } },
    ),
  ];
}

function resources({ image, host, seen }: HostCheck): Problem[] {
  const { cpus, swapBytes, diskFreeBytes } = seen.facts;
  const needed = 2 * [...image.layers, ...(image.over ?? [])].reduce((sum, layer) => sum + layer.sizeBytes, 0) + spareBytes;
  return [
    ...(swapBytes > 0
      ? [new Problem('SWAP_ON', `${name(seen, host)} has ${inMebibytes(swapBytes)} of swap in use or ready`)]
      : []),
    ...(host.role === 'master' && cpus < masterCpus
      ? [new Problem('HOST_TOO_SMALL', `${name(seen, host)} has ${cpus} processor, and a master needs ${masterCpus}`)]
      : []),
    ...(diskFreeBytes < needed
      ? [
          new Problem(
            'DISK_LOW',
            `${name(seen, host)} has ${inMebibytes(diskFreeBytes)} of disk free, and image ${image.reference} needs ${inMebibytes(needed)}`,
          ),
        ]
      : []),
  ];
}

/** Certificates and etcd's leases do not bear more. */
const clockSkewMaxSeconds = 30;

function clock({ host, seen }: HostCheck): Problem[] {
  const skew = seen.clockSkewSeconds ?? 0;
  if (!seen.connected || Math.abs(skew) <= clockSkewMaxSeconds) return [];
  const way = skew > 0 ? 'behind' : 'ahead of';
  return [
    new Problem(
      'NODE_CLOCK_SKEW',
      `the clock of ${name(seen, host)} is ${Math.abs(skew)} s ${way} the server's (limit ${clockSkewMaxSeconds} s)`,
    ),
  ];
}

function name(seen: SeenNode, host: HostSpec): string {
  return `${seen.name} (${host.ip})`;
}

function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)} MiB`;
}
