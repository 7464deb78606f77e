import type { Cluster } from './cluster.ts';

/** What a Cluster says where its user says nothing. `image` and `hosts` have no default. */
export const clusterDefaults: Cluster = {
  name: 'default',
  image: '',
  env: {},
  cmds: [],
  hosts: [],
  hostAliases: [],
  kubeadm: {},
  dataRoot: '/var/lib/seal/data',
};
