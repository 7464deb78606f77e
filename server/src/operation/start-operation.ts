import { type Clock, newId, Problem, type Random } from '@seal/foundation';
import { checkPlan, type OperationPolicy, type Plan } from '@seal/plan';
import type { Executor } from '../scheduler/executor.ts';
import type { Write } from '../store/store.ts';
import type { ClusterRecords } from './cluster-records.ts';
import type { LoadedOperation, OperationLog } from './operation-log.ts';
import { skippedNodes } from './skipped-nodes.ts';

export interface OperationStarterOptions {
  readonly log: OperationLog;
  readonly records: ClusterRecords;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly random: Random;
}

/** What a verb decided: the plan, and what of the record changes before its first step. */
export interface Decided {
  readonly plan: Plan;
  readonly writes?: () => readonly Write[];
  readonly rollbackOf?: string;
}

/** Who asks for an operation, and how it is to be run. */
export interface Request {
  readonly requestedBy: string;
  readonly policy?: OperationPolicy;
  /** Names, ids or addresses of nodes of the plan whose steps are left out. */
  readonly skipNodes?: readonly string[];
}

/** What a resume changes of how the operation is run. */
export interface ResumeRequest {
  readonly requestedBy: string;
  readonly policy?: Partial<OperationPolicy>;
  readonly skipNodes?: readonly string[];
}

/**
 * Admission and the life of operations from outside: start, cancel, resume.
 *
 * INVARIANTS: at most one unfinished operation per cluster; the plan is durable before its first step; commands on nodes (exec) belong to no cluster
 * and are admitted beside anything.
 */
export class OperationStarter {
  readonly #options: OperationStarterOptions;
  /** Clusters for which an operation is about to begin: its log follows after an await. */
  readonly #beginning = new Set<string>();

  constructor(options: OperationStarterOptions) {
    this.#options = options;
  }

  /** A fresh plan id. */
  newPlanId(): string {
    return newId('plan', this.#options.random);
  }

  /** Records the plan and starts it; answers with the operation id. Problems: OPERATION_IN_PROGRESS, NODE_NOT_FOUND, NODE_NOT_SKIPPABLE. */
  async start(decided: Decided, request: Request | string): Promise<string> {
    const { log, records, executor, clock, random } = this.#options;
    const { plan, rollbackOf } = decided;
    const { requestedBy, policy, skipNodes = [] } = typeof request === 'string' ? { requestedBy: request } : request;
    checkPlan(plan);
    const creation = {
      ...(policy ? { policy } : {}),
      ...(rollbackOf === undefined ? {} : { rollbackOf }),
      skipNodes: skippedNodes(plan, skipNodes),
    };
    const id = newId('op', random);
    await this.#begin(plan, async () => {
      try {
        const operation = { id, cluster: plan.cluster, plan, createdAt: clock.now() };
        await log.create(operation, requestedBy, decided.writes?.() ?? [], creation);
      } catch (error) {
        await records.reload();
        throw error;
      }
    });
    executor.start(id);
    return id;
  }

  /** Asks an unfinished operation to end. Problems: OPERATION_NOT_FOUND, OPERATION_STATE. */
  async cancel(id: string, requestedBy: string): Promise<void> {
    const { log, executor } = this.#options;
    const { view } = await log.read(id);
    if (view.finishedAt !== undefined)
      throw new Problem('OPERATION_STATE', `operation ${id} has already ended as ${view.status}; there is nothing to cancel`);
    if (!view.cancelRequested) await log.append(id, [{ type: 'cancel-requested', requestedBy }]);
    executor.start(id);
  }

  /** Runs again what did not succeed of a failed or cancelled operation. Problems: OPERATION_NOT_FOUND, OPERATION_STATE, OPERATION_IN_PROGRESS. */
  async resume(id: string, request: ResumeRequest | string): Promise<void> {
    const { log, records, executor } = this.#options;
    const { requestedBy, policy, skipNodes = [] } = typeof request === 'string' ? { requestedBy: request } : request;
    const { plan, view } = await this.#ended(id, 'resumed');
    const skipped = skippedNodes(plan, skipNodes, view);
    await this.#begin(plan, async () => {
      if (plan.cluster !== '' && !records.get(plan.cluster))
        throw new Problem('OPERATION_STATE', `operation ${id} cannot be resumed: cluster ${plan.cluster} is gone`);
      await this.#refuseAfterLater(id, plan, 'resumed');
      await log.reopen(id);
      try {
        await log.append(id, [
          { type: 'resume-requested', requestedBy, ...(policy && Object.keys(policy).length > 0 ? { policy } : {}) },
          ...skipped.map((node) => ({ type: 'node-skipped' as const, node, requestedBy })),
        ]);
      } catch (error) {
        // It has ended as before, and nobody goes on with it.
        if (log.active(id)?.view.finishedAt !== undefined) log.close(id);
        throw error;
      }
    });
    executor.start(id);
  }

  /**
   * A failed or cancelled operation that may be taken back: nothing has changed its cluster since.
   * Problems: OPERATION_NOT_FOUND, OPERATION_STATE, OPERATION_IN_PROGRESS.
   */
  async rollbackable(id: string): Promise<LoadedOperation> {
    const loaded = await this.#ended(id, 'rolled back');
    this.admit(loaded.plan.cluster);
    await this.#refuseAfterLater(id, loaded.plan, 'rolled back');
    return loaded;
  }

  async #ended(id: string, what: string): Promise<LoadedOperation> {
    const loaded = await this.#options.log.read(id);
    const { status } = loaded.view;
    if (status !== 'FAILED' && status !== 'CANCELLED')
      throw new Problem('OPERATION_STATE', `operation ${id} is ${status}; only one that FAILED or was CANCELLED can be ${what}`);
    return loaded;
  }

  /** The unfinished operation that changes a cluster now, if any. */
  changing(cluster: string): { readonly id: string; readonly plan: Plan } | undefined {
    const found = this.#options.log
      .allActive()
      .find(({ plan, view }) => plan.cluster === cluster && cluster !== '' && view.finishedAt === undefined);
    return found && { id: found.operation.id, plan: found.plan };
  }

  /** Refuses what would change a cluster that an operation changes now, before anything is asked about its plan. Problem: OPERATION_IN_PROGRESS. */
  admit(cluster: string): void {
    if (cluster !== '' && this.#beginning.has(cluster))
      throw new Problem('OPERATION_IN_PROGRESS', `another operation that changes cluster ${cluster} begins at this moment`);
    const other = this.changing(cluster);
    if (other)
      throw new Problem(
        'OPERATION_IN_PROGRESS',
        `operation ${other.id} (${other.plan.summary}) is changing cluster ${cluster} now`,
        {
          remedy: `Wait with "sealctl operation watch ${other.id}" or end it with "sealctl operation cancel ${other.id}".`,
          details: { operation: other.id },
        },
      );
  }

  /** Lets `begin` record the beginning of an operation while no other of its cluster is unfinished or about to begin. */
  async #begin(plan: Plan, begin: () => Promise<void>): Promise<void> {
    this.admit(plan.cluster);
    this.#beginning.add(plan.cluster);
    try {
      // The end of the operation before it may be decided and not written yet.
      await this.#options.log.durable();
      await begin();
    } finally {
      this.#beginning.delete(plan.cluster);
    }
  }

  /** A later operation of the same cluster has changed what this plan was made on. */
  async #refuseAfterLater(id: string, plan: Plan, what: string): Promise<void> {
    if (plan.cluster === '') return;
    const [newest] = await this.#options.log.newest(plan.cluster);
    if (newest !== undefined && newest !== id)
      throw new Problem(
        'OPERATION_STATE',
        `operation ${id} cannot be ${what}: ${newest} has changed cluster ${plan.cluster} since`,
        {
          remedy: 'Ask for what is wanted anew (run, scale-up or delete); the plan is made from the present state.',
        },
      );
  }
}
