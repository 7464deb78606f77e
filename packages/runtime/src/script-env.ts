import { type ClusterContext, type ClusterNode, masters } from './cluster-context.ts';
import { containerRuntimeOf } from './container-runtime/container-runtime-of.ts';
import { serviceAddresses } from './kubernetes/service-addresses.ts';
import { registryOf } from './registry/registry-of.ts';
import { sealosEnv } from './sealos/sealos-env.ts';

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What every program that Seal starts gets: the rootfs' own programs come first. */
export function programEnv(rootfs: string): Record<string, string> {
  return { PATH: `${rootfs}/bin:${systemPath}`, HOME: '/root', LANG: 'C.UTF-8' };
}

/**
 * The environment of every script and template on `node`: image ENV, then cluster env, then host env, then what Seal computes, each over
 * the one before. A map given to the process, never shell text.
 */
export function scriptEnv(context: ClusterContext, node: ClusterNode, rootfs: string): Record<string, string> {
  const { cluster, image } = context;
  return { ...image.env, ...cluster.env, ...node.spec.env, ...computedEnv(context, node, rootfs) };
}

/** What Seal computes of the cluster and a node; nothing of a user or an image stands over it. */
export function computedEnv(context: ClusterContext, node: ClusterNode, rootfs: string): Record<string, string> {
  const { cluster, image } = context;
  const registry = registryOf(context);
  const services = serviceAddresses(context);
  return {
    ...programEnv(rootfs),
    ...sealosEnv(context, node),
    ClusterName: cluster.name,
    ContainerRuntime: containerRuntimeOf(cluster, image),
    DNSSvcIP: services.dns,
    HostIP: node.ip,
    HostIPFamily: node.ip.includes(':') ? '6' : '4',
    KubeSvcIP: services.api,
    M0IP: masters(context)[0]!.ip,
    NodeName: node.name,
    NodeRole: node.role,
    RegistryDomain: registry.domain,
    RegistryPort: String(registry.port),
    RegistryURL: `${registry.domain}:${registry.port}`,
  };
}
