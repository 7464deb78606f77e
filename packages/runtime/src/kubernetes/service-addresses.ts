import { Problem } from '@seal/foundation';
import ipaddr from 'ipaddr.js';
import type { ClusterContext } from '../cluster-context.ts';
import { mergeDocuments, type Tree } from './config.ts';

/** Networks of a cluster where neither image nor user says otherwise. */
export const defaultNetworking: Tree = { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local' };

/** The Service addresses of API (first of the service network) and DNS (tenth), as kubeadm chooses them. Problem: CLUSTERFILE_INVALID. */
export function serviceAddresses(context: ClusterContext): { readonly api: string; readonly dns: string } {
  const defaults = { ClusterConfiguration: { networking: defaultNetworking } };
  const { networking } = mergeDocuments(context, { defaults, computed: {}, forced: {} }).ClusterConfiguration as {
    networking: Tree;
  };
  const subnet = String(networking.serviceSubnet).split(',')[0]!.trim();
  if (!ipaddr.isValidCIDR(subnet))
    throw new Problem('CLUSTERFILE_INVALID', `networking.serviceSubnet "${subnet}" is no network; expected ADDRESS/PREFIX`);
  return { api: hostOf(subnet, 1), dns: hostOf(subnet, 10) };
}

function hostOf(subnet: string, number: number): string {
  const [address, prefix] = ipaddr.parseCIDR(subnet);
  const bytes = address.toByteArray();
  const last = bytes.length - 1;
  for (let bit = prefix; bit < bytes.length * 8; bit++) bytes[bit >> 3] = bytes[bit >> 3]! & ~(128 >> (bit & 7));
  bytes[last] = bytes[last]! + number;
  return ipaddr.fromByteArray(bytes).toString();
}
