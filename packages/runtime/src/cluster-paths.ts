import type { Cluster } from '@seal/clusterfile';

/** Where things of one cluster lie on every node of it. */
export interface ClusterPaths {
  /** All of the below; removed with the cluster. */
  readonly base: string;
  readonly rootfs: string;
  /** Holds a directory for each image of apps, on the master that launched it. */
  readonly applications: string;
  /** Secrets and configuration on their way to kubeadm; removed after the join. */
  readonly staging: string;
  /** Exists once kubeadm has done its work here; named after the cluster's CA, so that leftovers of an older cluster do not count. */
  readonly joinedMark: string;
}

export function clusterPaths(cluster: Cluster, caHash: string): ClusterPaths {
  const base = `${cluster.dataRoot}/${cluster.name}`;
  return {
    base,
    rootfs: `${base}/rootfs`,
    applications: `${base}/applications`,
    staging: `${base}/kubeadm`,
    joinedMark: `${base}/joined-${caHash.slice(0, 16)}`,
  };
}
