export type { Cluster, HostSpec } from './cluster.ts';
