import type { Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import { type clusterProto, planToWire } from '@seal/protocol';
import type { ClusterRecord } from '@seal/runtime';
import type { Changed, ClusterChanges } from '../operation/change-cluster.ts';
import type { ClusterRecords } from '../operation/cluster-records.ts';
import { findCluster } from '../operation/gather-facts.ts';
import type { OperationLog } from '../operation/operation-log.ts';
import type { OperationStarter } from '../operation/start-operation.ts';
import { type ApiContext, unary } from './guarded.ts';

export interface ClusterServiceOptions extends ApiContext {
  readonly changes: ClusterChanges;
  readonly records: ClusterRecords;
  readonly starter: OperationStarter;
  readonly log: OperationLog;
  readonly isConnected: (nodeId: string) => boolean;
  /** Checks the JSON form of a Cluster. Problem: CLUSTERFILE_INVALID. */
  readonly parseCluster: (value: unknown) => Cluster;
  readonly kubeconfig: (record: ClusterRecord, ttlHours: number) => Promise<string>;
}

const defaultExecSeconds = 600;
const maxKubeconfigHours = 365 * 24;

export function clusterService(options: ClusterServiceOptions): clusterProto.ClusterServiceServer {
  const { changes, records } = options;
  type Reply = clusterProto.ChangeReply;
  return {
    run: unary<clusterProto.RunRequest, Reply>(options, async (request, caller) => {
      const desired = options.parseCluster(request.cluster);
      return reply(await changes.run(desired, { name: caller.name, dryRun: request.dryRun }));
    }),
    scaleUp: unary<clusterProto.ScaleUpRequest, Reply>(options, async (request, caller) =>
      reply(await changes.scaleUp(request, { name: caller.name, dryRun: request.dryRun })),
    ),
    deleteNodes: unary<clusterProto.DeleteNodesRequest, Reply>(options, async (request, caller) =>
      reply(await changes.deleteNodes(request, { name: caller.name, dryRun: request.dryRun })),
    ),
    deleteCluster: unary<clusterProto.DeleteClusterRequest, Reply>(options, async (request, caller) =>
      reply(await changes.deleteCluster(request, { name: caller.name, dryRun: request.dryRun })),
    ),
    exec: unary<clusterProto.ExecRequest, Reply>(options, async (request, caller) => {
      const timeoutSeconds = request.timeoutSeconds || defaultExecSeconds;
      return reply(await changes.exec({ ...request, timeoutSeconds }, { name: caller.name, dryRun: false }));
    }),
    listClusters: unary<clusterProto.ListClustersRequest, clusterProto.ListClustersReply>(options, async () => ({
      clusters: await Promise.all(records.list().map((record) => summaryOf(options, record))),
    })),
    getCluster: unary<clusterProto.GetClusterRequest, clusterProto.GetClusterReply>(options, async (request) => ({
      cluster: await summaryOf(options, findCluster(records, request.name)),
    })),
    getKubeconfig: unary<clusterProto.GetKubeconfigRequest, clusterProto.GetKubeconfigReply>(options, async (request) => {
      const hours = request.ttlHours || 12;
      if (hours < 1 || hours > maxKubeconfigHours)
        throw new Problem('USAGE', `a kubeconfig for ${hours} hours was asked for (at least 1, at most ${maxKubeconfigHours})`);
      return { kubeconfig: await options.kubeconfig(findCluster(records, request.cluster), hours) };
    }),
  };
}

function reply(changed: Changed): clusterProto.ChangeReply {
  return { plan: planToWire(changed.plan), operation: changed.operation ?? '' };
}

async function summaryOf(options: ClusterServiceOptions, record: ClusterRecord): Promise<clusterProto.ClusterSummary> {
  const changing = options.starter.changing(record.name);
  const [newest = ''] = await options.log.newest(record.name);
  return {
    name: record.name,
    image: record.spec.image,
    runtime: record.runtime,
    runtimeVersion: record.runtimeVersion,
    revision: record.revision,
    state: changing && record.state === 'ready' ? 'changing' : record.state,
    members: record.members.map((member) => ({ ...member, connected: options.isConnected(member.nodeId) })),
    operation: changing?.id ?? newest,
  };
}
