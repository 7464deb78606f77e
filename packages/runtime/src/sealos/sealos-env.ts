import type { ClusterContext, ClusterNode } from '../cluster-context.ts';
import { registryOf } from '../registry/registry-of.ts';
import { isSealosImage } from './sealos-scripts.ts';

/** What scripts of sealos' images expect besides their own ENV; the registry by the names that they have for it. */
export function sealosEnv(context: ClusterContext, node: ClusterNode): Record<string, string> {
  const { image } = context;
  if (!isSealosImage(image)) return {};
  const { domain, port } = registryOf(context);
  return {
    registryDomain: domain,
    registryPort: String(port),
    SEALOS_SYS_RUN_MODE: node.role === 'master' ? 'master' : 'node',
    ...(image.labels.version === undefined ? {} : { SEALOS_SYS_KUBE_VERSION: image.labels.version }),
  };
}
