import type { AppsWanted, Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import { type clusterProto, type planProto, planToWire, policyFromWire } from '@seal/protocol';
import { type ClusterRecord, clusterPaths } from '@seal/runtime';
import type { Caller } from '../identity/caller.ts';
import type { Asker, Changed, ClusterChanges } from '../operation/change-cluster.ts';
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
  /** Checks the JSON form of AppsWanted. Problem: CLUSTERFILE_INVALID. */
  readonly parseApps: (value: unknown) => AppsWanted;
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
      return reply(await changes.change({ verb: 'run', desired }, askerOf(request, caller)));
    }),
    scaleUp: unary<clusterProto.ScaleUpRequest, Reply>(options, async (request, caller) => {
      const { cluster, masters, workers } = request;
      return reply(await changes.change({ verb: 'scale-up', cluster, masters, workers }, askerOf(request, caller)));
    }),
    deleteNodes: unary<clusterProto.DeleteNodesRequest, Reply>(options, async (request, caller) => {
      const { cluster, nodes, force, skipDrain } = request;
      return reply(await changes.change({ verb: 'delete-nodes', cluster, nodes, force, skipDrain }, askerOf(request, caller)));
    }),
    deleteCluster: unary<clusterProto.DeleteClusterRequest, Reply>(options, async (request, caller) => {
      const { cluster, force } = request;
      return reply(await changes.change({ verb: 'delete-cluster', cluster, force }, askerOf(request, caller)));
    }),
    installApps: unary<clusterProto.InstallAppsRequest, Reply>(options, async (request, caller) => {
      const { cluster, images, cmds, env, force } = request;
      const wanted = options.parseApps(request.wanted);
      const change = { verb: 'install-apps', cluster, images, wanted, cmds, env, force } as const;
      return reply(await changes.change(change, askerOf(request, caller)));
    }),
    uninstallApp: unary<clusterProto.UninstallAppRequest, Reply>(options, async (request, caller) => {
      const { cluster, name, force } = request;
      return reply(await changes.change({ verb: 'uninstall-app', cluster, name, force }, askerOf(request, caller)));
    }),
    listApps: unary<clusterProto.ListAppsRequest, clusterProto.ListAppsReply>(options, async (request) => {
      const all = request.cluster === '' ? records.list() : [findCluster(records, request.cluster)];
      return { apps: all.flatMap(appsOf) };
    }),
    apply: unary<clusterProto.ApplyRequest, clusterProto.ApplyReply>(options, async (request, caller) => {
      const desired = options.parseCluster(request.cluster);
      const { changed, differences } = await changes.apply(desired, request.force, askerOf(request, caller));
      return { operation: changed?.operation ?? '', plan: changed && planToWire(changed.plan), differences: [...differences] };
    }),
    applyPlan: unary<clusterProto.ApplyPlanRequest, Reply>(options, async (request, caller) =>
      reply(await changes.applyPlan(request.planId, askerOf({ ...request, dryRun: false }, caller))),
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
  return { plan: planToWire(changed.plan), operation: changed.operation ?? '', savedUntilMs: changed.savedUntil ?? 0 };
}

/** Who asks, and how the operation is to be run. Problem: USAGE (a policy that cannot be). */
export function askerOf(
  request: { readonly dryRun: boolean; readonly save?: boolean; readonly policy: planProto.OperationPolicy | undefined },
  caller: Caller,
): Asker {
  const { dryRun, save = false, policy } = request;
  if (save && !dryRun)
    throw new Problem('USAGE', 'a plan is saved by a dry run only', { remedy: 'Ask for "dry_run" too, or leave out "save".' });
  return { name: caller.name, dryRun, save, policy: policyFromWire(policy), skipNodes: policy?.skipNodes ?? [] };
}

function appsOf({ name: cluster, spec, apps = [] }: ClusterRecord): clusterProto.AppSummary[] {
  return apps.map(({ name, kind, image, imageDigest, state, sinceMs, place }) => ({
    ...{ name, cluster, kind, image, imageDigest, state, sinceMs },
    directory: place === undefined ? '' : `${clusterPaths(spec, '').applications}/${place}`,
  }));
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
