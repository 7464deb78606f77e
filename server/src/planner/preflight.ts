import type { Cluster, HostSpec } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import {
  type ClusterFacts,
  type ClusterNode,
  type ClusterRuntime,
  containerRuntimeOf,
  isSealosImage,
  missingSealosScripts,
  type SeenNode,
} from '@seal/runtime';
import { checkHost } from './check-host.ts';
import { nodeAt, nodeFromHost } from './make-context.ts';

export interface PreflightInput {
  readonly cluster: Cluster;
  readonly facts: ClusterFacts;
  readonly runtime: ClusterRuntime;
  /** Hosts that are to join. */
  readonly hosts: readonly HostSpec[];
  /** Names that are taken in the cluster already. */
  readonly existing: readonly ClusterNode[];
}

/**
 * Checks facts before anything is planned, and gives the nodes of `hosts` in their order.
 *
 * Problems: PREFLIGHT_FAILED with every finding in `details.findings` when there are several; else the one: NODE_NOT_ENROLLED,
 * NODE_NOT_CONNECTED, NODE_ROLE_FORBIDDEN, NODE_IN_CLUSTER, NODE_NAME_DUPLICATE, IMAGE_ARCH_MISMATCH, SCRIPT_MISSING, PORT_TAKEN,
 * SWAP_ON, HOST_TOO_SMALL, DISK_LOW.
 */
export function preflight(input: PreflightInput): ClusterNode[] {
  const { facts, hosts, cluster, runtime } = input;
  const found = hosts.map((host) => ({ host, seen: nodeAt(facts, host.ip) }));
  const present = found.filter((item): item is { host: HostSpec; seen: SeenNode } => item.seen !== undefined);
  const findings = [
    ...notEnrolled(
      facts,
      found.filter((item) => !item.seen).map((item) => item.host.ip),
    ),
    ...notConnected(present),
    ...missingScripts(input),
    ...duplicateNames(input, present),
    ...present.flatMap(({ host, seen }) =>
      checkHost({ cluster: cluster.name, image: facts.image, record: facts.record, host, seen, ports: runtime.ports[host.role] }),
    ),
  ];
  if (findings.length === 1) throw findings[0];
  if (findings.length > 1) throw together(findings);
  return present.map(({ host, seen }) => nodeFromHost(seen, host));
}

function notEnrolled(facts: ClusterFacts, ips: readonly string[]): Problem[] {
  if (ips.length === 0) return [];
  const on = ips.length === 1 ? `on ${ips[0]}` : 'on each of them';
  return [
    new Problem('NODE_NOT_ENROLLED', `no agent is enrolled for ${ips.join(', ')}`, {
      remedy: `Run this ${on} as root, with a token made by "sealctl token create", then run the command again:\n  ${facts.installHint}`,
      details: { hosts: ips, installLine: facts.installHint },
    }),
  ];
}

function notConnected(present: readonly { host: HostSpec; seen: SeenNode }[]): Problem[] {
  const away = present.filter(({ seen }) => !seen.connected);
  if (away.length === 0) return [];
  return [
    new Problem(
      'NODE_NOT_CONNECTED',
      `not connected to the server: ${away.map(({ host, seen }) => `${seen.name} (${host.ip})`).join(', ')}`,
      {
        details: { hosts: away.map(({ host }) => host.ip) },
      },
    ),
  ];
}

/** The scripts without which a host cannot be prepared: those of the contract, or those that labels of sealos' images name. */
function missingScripts({ cluster, facts }: PreflightInput): Problem[] {
  const { image } = facts;
  const needed = isSealosImage(image)
    ? missingSealosScripts(image)
    : [`scripts/${containerRuntimeOf(cluster, image)}.sh`, 'scripts/init-kube.sh'];
  return needed
    .filter((path) => !image.paths.includes(path))
    .map(
      (path) =>
        new Problem('SCRIPT_MISSING', `image ${image.reference} has no ${path}`, { details: { image: image.reference, path } }),
    );
}

function duplicateNames({ existing }: PreflightInput, present: readonly { host: HostSpec; seen: SeenNode }[]): Problem[] {
  const owners = new Map<string, { id: string; ip: string }>(existing.map((node) => [node.name, { id: node.id, ip: node.ip }]));
  const findings: Problem[] = [];
  for (const { host, seen } of present) {
    const owner = owners.get(seen.name);
    if (owner?.id === seen.id && !existing.some((node) => node.id === seen.id))
      findings.push(new Problem('HOSTS_INVALID', `${owner.ip} and ${host.ip} are addresses of the same host, ${seen.name}`));
    else if (owner && owner.id !== seen.id)
      findings.push(new Problem('NODE_NAME_DUPLICATE', `${owner.ip} and ${host.ip} both have the name ${seen.name}`));
    else if (!/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(seen.name))
      findings.push(
        new Problem('NODE_NAME_DUPLICATE', `${host.ip} has the name "${seen.name}", which Kubernetes does not accept`),
      );
    owners.set(seen.name, { id: seen.id, ip: host.ip });
  }
  return findings;
}

/** Several findings as one Problem, so that a user mends them in one go. */
export function together(findings: readonly Problem[]): Problem {
  const lines = findings.map((finding) => `  ${finding.code}: ${finding.message}. ${finding.remedy}`);
  return new Problem(
    'PREFLIGHT_FAILED',
    `${findings.length} things stand in the way; nothing was changed:\n${lines.join('\n')}`,
    {
      details: { findings: findings.map((finding) => finding.toJSON()) },
    },
  );
}
