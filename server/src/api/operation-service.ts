import { Problem } from '@seal/foundation';
import { eventToWire, type operationProto, planToWire, policyChangeFromWire, problemToWire } from '@seal/protocol';
import type { Asker, Changed } from '../operation/change-cluster.ts';
import type { LoadedOperation, OperationLog } from '../operation/operation-log.ts';
import type { ResumeRequest } from '../operation/start-operation.ts';
import { watchOperation } from '../operation/watch-operation.ts';
import type { Store } from '../store/store.ts';
import { askerOf } from './cluster-service.ts';
import { type ApiContext, serverStream, unary } from './guarded.ts';

export interface OperationServiceOptions extends ApiContext {
  readonly log: OperationLog;
  readonly store: Store;
  readonly cancel: (id: string, requestedBy: string) => Promise<void>;
  readonly resume: (id: string, request: ResumeRequest) => Promise<void>;
  readonly rollback: (id: string, force: boolean, asker: Asker) => Promise<Changed>;
}

export function operationService(options: OperationServiceOptions): operationProto.OperationServiceServer {
  const { log, store } = options;
  return {
    listOperations: unary<operationProto.ListOperationsRequest, operationProto.ListOperationsReply>(options, async (request) => {
      const limit = Math.min(request.limit || 50, 1000);
      const stored = await store.operations({ ...(request.cluster ? { cluster: request.cluster } : {}), limit });
      const operations: operationProto.OperationSummary[] = [];
      for (const operation of stored) operations.push(summaryOf(await log.read(operation.id)));
      return { operations };
    }),
    getOperation: unary<operationProto.GetOperationRequest, operationProto.GetOperationReply>(options, async (request) => {
      const loaded = await log.read(request.id);
      return { operation: summaryOf(loaded), plan: planToWire(loaded.plan), events: loaded.events.map(eventToWire) };
    }),
    watchOperation: serverStream<operationProto.WatchOperationRequest, operationProto.WatchOperationReply>(
      options,
      async (request, send, gone) => {
        const { fromSeq, outputs, follow } = request;
        for await (const item of watchOperation(log, store, request.id, { fromSeq, outputs, follow, gone })) {
          if ('plan' in item) await send({ plan: planToWire(item.plan) });
          else if ('event' in item) await send({ event: eventToWire(item.event) });
          else await send({ output: { ...item.output, data: Buffer.from(item.output.data) } });
        }
      },
    ),
    cancelOperation: unary<operationProto.CancelOperationRequest, operationProto.CancelOperationReply>(
      options,
      async (request, caller) => {
        await options.cancel(request.id, caller.name);
        return {};
      },
    ),
    resumeOperation: unary<operationProto.ResumeOperationRequest, operationProto.ResumeOperationReply>(
      options,
      async (request, caller) => {
        const { id, policy } = request;
        const skipNodes = policy?.skipNodes ?? [];
        await options.resume(id, { requestedBy: caller.name, policy: policyChangeFromWire(policy), skipNodes });
        return {};
      },
    ),
    rollbackOperation: unary<operationProto.RollbackOperationRequest, operationProto.RollbackOperationReply>(
      options,
      async (request, caller) => {
        const { plan, operation = '' } = await options.rollback(request.id, request.force, askerOf(request, caller));
        return { plan: planToWire(plan), operation };
      },
    ),
  };
}

/** The short form of an operation, for lists. */
export function summaryOf(loaded: LoadedOperation): operationProto.OperationSummary {
  const { operation, plan, view } = loaded;
  const steps = [...view.steps.values()];
  return {
    id: operation.id,
    kind: plan.kind,
    cluster: plan.cluster,
    status: view.status,
    summary: plan.summary,
    requestedBy: view.requestedBy,
    createdAtMs: operation.createdAt,
    finishedAtMs: view.finishedAt ?? 0,
    waitingFor: view.waitingFor ?? '',
    problem: view.problem && problemToWire(Problem.fromData(view.problem).toJSON()),
    stepsDone: steps.filter((step) => step.status === 'SUCCEEDED' || step.status === 'SKIPPED').length,
    stepsTotal: steps.length,
    rollbackOf: view.rollbackOf ?? '',
    rolledBackBy: view.rolledBackBy ?? '',
    runSinceMs: view.runSince,
    earlierMs: view.earlierMs,
  };
}
