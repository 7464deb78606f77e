import type { NetworkInterfaceInfo } from 'node:os';

/** Interfaces of containers and of service addresses: what is on them is not an address of the host. */
const containerInterface =
  /^(lo|docker\d*|br-[0-9a-f]{12}|veth|cni|cbr|flannel|cali|cilium|lxc|kube-ipvs|nodelocaldns|vxlan|tunl|virbr)/;

/** Global addresses of the host itself, in the order of its interfaces: no loopback, link-local, container or service addresses. */
export function hostAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  return Object.entries(interfaces)
    .filter(([name]) => !containerInterface.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe80:)/i.test(address))
    .map(({ address }) => address);
}
