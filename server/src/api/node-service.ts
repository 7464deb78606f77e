import { Problem } from '@seal/foundation';
import { factsToWire, type nodeProto } from '@seal/protocol';
import type { ClusterRecords } from '../operation/cluster-records.ts';
import type { EnrolledNode } from '../operation/gather-facts.ts';
import type { Sessions } from '../session/sessions.ts';
import { type ApiContext, unary } from './guarded.ts';

export interface NodeServiceOptions extends ApiContext {
  readonly nodes: () => readonly EnrolledNode[];
  readonly sessions: Sessions;
  readonly records: ClusterRecords;
  /** Denies the node's certificates for ever. */
  readonly remove: (nodeId: string, removedBy: string) => Promise<void>;
}

export function nodeService(options: NodeServiceOptions): nodeProto.NodeServiceServer {
  return {
    listNodes: unary<nodeProto.ListNodesRequest, nodeProto.ListNodesReply>(options, async () => ({
      nodes: options.nodes().map((node) => ({ ...nodeOf(options, node), facts: undefined })),
    })),
    getNode: unary<nodeProto.GetNodeRequest, nodeProto.GetNodeReply>(options, async (request) => ({
      node: nodeOf(options, find(options, request.node)),
    })),
    removeNode: unary<nodeProto.RemoveNodeRequest, nodeProto.RemoveNodeReply>(options, async (request, caller) => {
      const node = find(options, request.node);
      const cluster = options.records.clusterOf(node.id);
      if (cluster) throw new Problem('NODE_IN_CLUSTER', `node ${node.name} is a member of cluster ${cluster.name}`);
      await options.remove(node.id, caller.name);
      options.sessions.cut(node.id, new Problem('PERMISSION_DENIED', `the enrolment of node ${node.name} was taken away`));
      return {};
    }),
  };
}

function find(options: NodeServiceOptions, name: string): EnrolledNode {
  const found = options
    .nodes()
    .find((node) => node.id === name || node.name === name || options.sessions.factsOf(node.id)?.facts.addresses.includes(name));
  if (!found) throw new Problem('NODE_NOT_FOUND', `no enrolled node has the name, id or address "${name}"`);
  return found;
}

function nodeOf(options: NodeServiceOptions, node: EnrolledNode): nodeProto.Node {
  const seen = options.sessions.factsOf(node.id);
  const cluster = options.records.clusterOf(node.id);
  const member = cluster?.members.find((candidate) => candidate.nodeId === node.id);
  return {
    id: node.id,
    name: node.name,
    addresses: [...(seen?.facts.addresses ?? [])],
    connected: options.sessions.isConnected(node.id),
    lastSeenAtMs: options.sessions.lastSeenAt(node.id) ?? 0,
    agentVersion: seen?.facts.agentVersion ?? '',
    arch: seen?.facts.arch ?? '',
    cluster: cluster?.name ?? '',
    role: member?.role ?? '',
    enrolledAtMs: node.enrolledAt,
    certificateExpiresAtMs: node.certificateExpiresAt,
    facts: seen && factsToWire(seen.facts),
  };
}
