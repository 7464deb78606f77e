import type { Cluster, HostSpec } from '@seal/clusterfile';
import type { ImageFacts, LaidFile, PublicMaterial } from './cluster-facts.ts';

/** A node of a cluster, as phases see it: asked, seen and recorded brought together. */
export interface ClusterNode {
  /** The agent's node id. */
  readonly id: string;
  /** Its name, here and in Kubernetes. */
  readonly name: string;
  readonly ip: string;
  readonly role: 'master' | 'worker';
  readonly connected: boolean;
  /** What was asked for this host; empty for a member that nobody described. */
  readonly spec: HostSpec;
}

/** What every phase of one plan needs. Pure data, made once per plan. */
export interface ClusterContext {
  readonly cluster: Cluster;
  readonly image: ImageFacts;
  /** Patches that lie over `image`, the lowest first. */
  readonly patches?: readonly ImageFacts[];
  /** Files of the user over the rootfs. */
  readonly files?: readonly LaidFile[];
  /** True where images of apps may lie on nodes. */
  readonly mayHoldApps?: boolean;
  readonly material: Readonly<Record<string, PublicMaterial>>;
  /** Every node that the cluster has once the plan is done, masters first, in the order in which they join; masters[0] is M0. */
  readonly nodes: readonly ClusterNode[];
  /** The master that runs what is run once per cluster (kubectl, hooks): M0 unless it is away or about to go. */
  readonly apiNode: ClusterNode;
}

export function masters(context: ClusterContext): ClusterNode[] {
  return context.nodes.filter((node) => node.role === 'master');
}

export function workers(context: ClusterContext): ClusterNode[] {
  return context.nodes.filter((node) => node.role === 'worker');
}
