import type { Cluster, HostSpec } from '@seal/clusterfile';
import type { ClusterContext, ClusterFacts, ClusterNode, ClusterRecord, MemberRecord, SeenNode } from '@seal/runtime';

/** The context of a plan whose cluster consists of `nodes` in the end; what is run once per cluster runs on `apiNode` (default: the first connected master). */
export function makeContext(
  facts: ClusterFacts,
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  apiNode?: ClusterNode,
): ClusterContext {
  const ordered = [...nodes.filter((node) => node.role === 'master'), ...nodes.filter((node) => node.role === 'worker')];
  const chosen = apiNode ?? ordered.find((node) => node.role === 'master' && node.connected) ?? ordered[0]!;
  const files = facts.files?.[''] ?? facts.record?.files ?? [];
  const { image, material, patches = [] } = facts;
  return {
    cluster,
    image,
    patches,
    files,
    mayHoldApps: facts.record?.apps !== undefined,
    material,
    nodes: ordered,
    apiNode: chosen,
  };
}

/** An enrolled node that owns the address. */
export function nodeAt(facts: ClusterFacts, ip: string): SeenNode | undefined {
  return facts.nodes.find((node) => node.facts.addresses.includes(ip));
}

export function nodeFromHost(seen: SeenNode, host: HostSpec): ClusterNode {
  return { id: seen.id, name: seen.name, ip: host.ip, role: host.role, connected: seen.connected, spec: host };
}

/** A recorded member; one whose node is no longer enrolled counts as away. */
export function nodeFromMember(facts: ClusterFacts, record: ClusterRecord, member: MemberRecord): ClusterNode {
  const { nodeId: id, name, ip, role } = member;
  const connected = facts.nodes.find((node) => node.id === id)?.connected ?? false;
  const spec = record.spec.hosts.find((host) => host.ip === ip) ?? { ip, role, env: {}, labels: {}, taints: [] };
  return { id, name, ip, role, connected, spec };
}
