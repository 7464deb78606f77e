import { appsFromJson, clusterFromJson } from '@seal/clusterfile';
import { systemClock } from '@seal/foundation';
import { agentService } from './api/agent-service.ts';
import { clusterService } from './api/cluster-service.ts';
import type { Services } from './api/grpc-server.ts';
import type { Guard } from './api/guarded.ts';
import { imageService } from './api/image-service.ts';
import { nodeService } from './api/node-service.ts';
import { operationService } from './api/operation-service.ts';
import { serverService } from './api/server-service.ts';
import { tokenService } from './api/token-service.ts';
import type { Core } from './compose.ts';
import { operatorCertificates } from './identity/operator-certificates.ts';
import { ClusterChanges } from './operation/change-cluster.ts';
import { issueKubeconfig } from './secrets/kubeconfig.ts';

/** The gRPC services of one endpoint; what differs between endpoints is only who may call (`guard`). */
export function composeServices(core: Core, guard: Guard): Services {
  const { logger, log, store, records, sessions, starter, sources, images, identity, identityStore, nodes, tokens, enrolment } =
    core;
  const context = { guard, logger };
  const changes = new ClusterChanges({ sources, starter, plans: core.savedPlans });
  return {
    agent: agentService({ ...context, sessions, renew: (nodeId, csrPem) => enrolment.renew(nodeId, csrPem) }),
    cluster: clusterService({
      ...{ ...context, changes, records, starter, log },
      isConnected: (nodeId) => sessions.isConnected(nodeId),
      parseCluster: clusterFromJson,
      parseApps: appsFromJson,
      kubeconfig: (record, ttlHours) => issueKubeconfig(core.material, record, ttlHours),
    }),
    image: imageService({
      ...{ ...context, store: images, records, pulls: core.pulls },
      archs: () => nodeArchs(sources.nodes().map(({ id }) => sessions.factsOf(id)?.facts.arch)),
    }),
    node: nodeService({
      ...{ ...context, sessions, records, nodes: sources.nodes },
      remove: (nodeId, removedBy) => nodes.remove(nodeId, removedBy),
    }),
    operation: operationService({
      ...{ ...context, log, store },
      cancel: (id, requestedBy) => starter.cancel(id, requestedBy),
      resume: (id, request) => starter.resume(id, request),
      rollback: (id, force, asker) => changes.rollback(id, force, asker),
    }),
    server: serverService({ ...context, ...core }),
    token: tokenService({
      ...{ ...context, tokens },
      issueOperator: operatorCertificates({ authority: identity.authority, store: identityStore, clock: systemClock }),
      installCommand: core.installLine,
      grpcAddress: core.grpcAddress,
      httpsAddress: core.httpsAddress,
    }),
  };
}

/** Architectures of the nodes that are known, else that of this machine. */
function nodeArchs(known: readonly (string | undefined)[]): string[] {
  const archs = new Set(known.filter((arch) => arch !== undefined));
  return archs.size > 0 ? [...archs] : [process.arch === 'x64' ? 'amd64' : process.arch];
}
