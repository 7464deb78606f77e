import type { Cluster } from '@seal/clusterfile';
import type { MaterialSpec } from '../cluster-facts.ts';

/** References of the cluster's secrets in the server's store. */
export function materialRefs(cluster: string) {
  const ref = (what: string) => `cluster/${cluster}/${what}`;
  return {
    ca: ref('ca'),
    etcdCa: ref('etcd-ca'),
    frontProxyCa: ref('front-proxy-ca'),
    serviceAccount: ref('sa'),
    joinToken: ref('join-token'),
  };
}

/** The secrets that must exist before a plan for `cluster` can be made. Common names are those that kubeadm gives. */
export function requiredMaterial(cluster: Pick<Cluster, 'name'>): MaterialSpec[] {
  const refs = materialRefs(cluster.name);
  return [
    { ref: refs.ca, kind: 'ca', commonName: 'kubernetes' },
    { ref: refs.etcdCa, kind: 'ca', commonName: 'etcd-ca' },
    { ref: refs.frontProxyCa, kind: 'ca', commonName: 'front-proxy-ca' },
    { ref: refs.serviceAccount, kind: 'key-pair' },
    { ref: refs.joinToken, kind: 'bootstrap-token' },
  ];
}
