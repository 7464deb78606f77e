import { Problem } from '@seal/foundation';
import type { NodeFacts } from '@seal/plan';
import type { ImageFacts, MaterialSpec, PublicMaterial, SeenNode } from '@seal/runtime';
import type { ClusterRecords } from './cluster-records.ts';
import type { OperationLog } from './operation-log.ts';

/** An enrolled node as the identity store knows it. */
export interface EnrolledNode {
  readonly id: string;
  readonly name: string;
  readonly usages: readonly ('join-master' | 'join-worker')[];
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAt: number;
  readonly certificateExpiresAt: number;
}

export interface FactSources {
  readonly nodes: () => readonly EnrolledNode[];
  readonly sessions: {
    isConnected(nodeId: string): boolean;
    factsOf(nodeId: string): { readonly facts: NodeFacts; readonly seenAt: number } | undefined;
    refreshFacts(nodeId: string, timeoutMs: number): Promise<void>;
  };
  readonly records: ClusterRecords;
  readonly log: OperationLog;
  /** Of an image for several platforms that of the hosts with these addresses. Problem: IMAGE_NOT_FOUND. */
  readonly image: (reference: string, ips: readonly string[]) => Promise<ImageFacts>;
  /** Texts of files of an image, those that are there. Problem: IMAGE_NOT_FOUND. */
  readonly imageTexts: (digest: string, paths: readonly string[]) => Promise<Readonly<Record<string, string>>>;
  /**
   * References for texts of a cluster, the same for the same text, which tell nothing of it. `keep`: stores the texts as secrets behind them; `make`
   * false: makes nothing at all, so that they are good only for being compared.
   */
  readonly textRefs: (
    cluster: string,
    texts: readonly string[],
    options: { readonly keep: boolean; readonly make: boolean },
  ) => Promise<readonly string[]>;
  /** The text behind a reference. Problem: SECRET_MISSING. */
  readonly text: (ref: string) => Promise<string>;
  readonly now: () => number;
  readonly material: (specs: readonly MaterialSpec[], keep: boolean) => Promise<Record<string, PublicMaterial>>;
  readonly installHint: () => string;
}

const refreshTimeoutMs = 5000;

/** Every enrolled node as it is seen now; connected nodes that have, or may have got, one of `ips` are asked for fresh facts first. */
export async function seenNodes(sources: FactSources, ips: readonly string[]): Promise<SeenNode[]> {
  const { sessions } = sources;
  const addressesOf = (node: EnrolledNode) => sessions.factsOf(node.id)?.facts.addresses ?? [];
  const all = sources.nodes();
  const known = new Set(all.flatMap(addressesOf));
  // An address that nobody had may have come to a host since: a cable was plugged in, a lease renewed. Then everybody is asked.
  const concerned = ips.every((ip) => known.has(ip))
    ? all.filter((node) => addressesOf(node).some((ip) => ips.includes(ip)))
    : all;
  await Promise.all(concerned.map((node) => sessions.refreshFacts(node.id, refreshTimeoutMs)));
  return sources.nodes().flatMap((node) => {
    const seen = sessions.factsOf(node.id);
    if (!seen) return [];
    const cluster = clusterOf(sources, node.id);
    const { id, name, usages, labels } = node;
    const connected = sessions.isConnected(id);
    const clockSkewSeconds = Math.round((seen.seenAt - seen.facts.takenAt) / 1000);
    return [
      { id, name, usages, labels, connected, clockSkewSeconds, facts: seen.facts, ...(cluster === undefined ? {} : { cluster }) },
    ];
  });
}

/** The cluster that a node is in, or that an unfinished operation is about to put it in. */
function clusterOf(sources: FactSources, nodeId: string): string | undefined {
  const recorded = sources.records.clusterOf(nodeId)?.name;
  if (recorded !== undefined) return recorded;
  const claiming = sources.log
    .allActive()
    .find(
      ({ plan, view }) => view.finishedAt === undefined && plan.cluster !== '' && plan.nodes.some((node) => node.id === nodeId),
    );
  return claiming?.plan.cluster;
}

/** The recorded cluster of that name, or the only one when the name is empty. Problems: CLUSTER_NOT_FOUND, USAGE. */
export function findCluster(records: ClusterRecords, name: string) {
  const all = records.list();
  if (name === '' && all.length > 1)
    throw new Problem('USAGE', `there are ${all.length} clusters (${all.map((record) => record.name).join(', ')})`, {
      remedy: 'Name the one that is meant with --cluster.',
    });
  const record = name === '' ? all[0] : records.get(name);
  if (!record) throw new Problem('CLUSTER_NOT_FOUND', name === '' ? 'there is no cluster yet' : `there is no cluster "${name}"`);
  return record;
}
