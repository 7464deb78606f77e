import type { AppsWanted, Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { OperationPolicy, Plan } from '@seal/plan';
import { type ImageFacts, imageName } from '@seal/runtime';
import { clusterDifference } from '../planner/cluster-difference.ts';
import { planExec } from '../planner/plan-exec.ts';
import { planRollback, refuseRollback } from '../planner/plan-rollback.ts';
import type { ChangeRequest } from './change-request.ts';
import { factsOfExisting, withoutTexts } from './cluster-facts.ts';
import { decideChange, decidedDeletion } from './decide-change.ts';
import { arrangeCluster } from './decide-run.ts';
import { type FactSources, findCluster, seenNodes } from './gather-facts.ts';
import { refuseStale, type SavedPlans } from './saved-plans.ts';
import type { Decided, OperationStarter } from './start-operation.ts';

/** The answer to a changing call: the plan, and the operation that runs it (undefined for a dry run). */
export interface Changed {
  readonly plan: Plan;
  readonly operation?: string;
  /** Until when the plan can be applied, ms, where it was saved. */
  readonly savedUntil?: number;
}

export interface Asker {
  readonly name: string;
  readonly dryRun: boolean;
  /** Of a dry run: keep the plan, so that it can be applied as it is. */
  readonly save?: boolean;
  readonly policy?: OperationPolicy;
  /** Nodes of the plan, by name, id or address, whose steps are left out. */
  readonly skipNodes?: readonly string[];
}

export interface ClusterChangesOptions {
  readonly sources: FactSources;
  readonly starter: OperationStarter;
  readonly plans: SavedPlans;
}

/** The verbs that change clusters: gather facts, plan, record, start. A dry run stops after the plan and leaves no trace but a saved plan. */
export class ClusterChanges {
  readonly #sources: FactSources;
  readonly #starter: OperationStarter;
  readonly #plans: SavedPlans;

  constructor({ sources, starter, plans }: ClusterChangesOptions) {
    this.#sources = sources;
    this.#starter = starter;
    this.#plans = plans;
  }

  /** Plans and starts a change. Problems: OPERATION_IN_PROGRESS before any other, those of `decideChange` and of the start. */
  async change(request: ChangeRequest, asker: Asker): Promise<Changed> {
    // What stands in the way of the plan may only be what the operation of this moment does: that one is told first.
    if (!asker.dryRun) this.#starter.admit(this.#clusterOf(request));
    const keepMaterial = !asker.dryRun || asker.save === true;
    const decided = await decideChange(this.#sources, request, { planId: this.#starter.newPlanId(), keepMaterial });
    if (!asker.dryRun || !asker.save) return this.#start(decided, asker);
    return { plan: decided.plan, savedUntil: await this.#plans.save(decided.plan, request, asker.name) };
  }

  /**
   * Runs a saved plan, exactly that one. Problems: PLAN_NOT_FOUND, PLAN_STALE (another revision, or the same request would give another plan
   * now), and whatever stands in the way of the request now.
   */
  async applyPlan(planId: string, asker: Asker): Promise<Changed> {
    const { plan, request } = await this.#plans.get(planId);
    const revision = this.#sources.records.get(plan.cluster)?.revision ?? 0;
    if (revision !== plan.baseRevision) refuseStale(plan, { ...plan, baseRevision: revision });
    this.#starter.admit(plan.cluster);
    const decided = await decideChange(this.#sources, request, { planId, keepMaterial: true });
    refuseStale(plan, decided.plan);
    const changed = await this.#start(decided, asker);
    await this.#plans.remove(planId);
    return changed;
  }

  /**
   * The next operation that brings a cluster to what a Clusterfile asks for, with every difference in one line; no plan when there is none.
   * Problems: CHANGE_UNSUPPORTED, OPERATION_STATE, and those of `change`.
   */
  async apply(
    desired: Cluster,
    force: boolean,
    asker: Asker,
  ): Promise<{ readonly changed?: Changed; readonly differences: readonly string[] }> {
    const { desired: arranged, rootfs, patches, apps } = await arrangeCluster(this.#sources, desired);
    const record = this.#sources.records.get(desired.name);
    const compared = await withoutTexts(this.#sources, arranged, false);
    const digests = { rootfs: rootfs.digest, others: [...patches, ...apps].map((image) => image.digest) };
    const { next, differences } = clusterDifference(compared, digests, record);
    if (!next) return { differences };
    if (next.verb !== 'install-apps') return { changed: await this.change(requestOf(desired, next, force), asker), differences };
    const { images } = next;
    const isNew = (_image: ImageFacts, index: number) => images.includes((arranged.images ?? [])[index]!);
    const wanted = aboutImages(desired, [...patches, ...apps].filter(isNew));
    const { images: all = [], launchApps, apps: said, configs } = compared;
    const spec = {
      images: all,
      ...(launchApps ? { launchApps } : {}),
      ...(said ? { apps: said } : {}),
      ...(configs ? { configs } : {}),
    };
    const request = { cluster: desired.name, images, wanted, spec, cmds: [], env: {}, force: false };
    return { changed: await this.change({ verb: 'install-apps', ...request }, asker), differences };
  }

  /**
   * Takes back what a failed or cancelled operation began, as a new operation.
   * Problems: OPERATION_NOT_FOUND, OPERATION_STATE, OPERATION_IN_PROGRESS, ROLLBACK_IMPOSSIBLE, those of the removal.
   */
  async rollback(operation: string, force: boolean, asker: Asker): Promise<Changed> {
    const { plan: original, view } = await this.#starter.rollbackable(operation);
    const { kind, cluster } = original;
    const planId = this.#starter.newPlanId();
    const begunOn = new Set([...view.steps.values()].filter((step) => step.attempt > 0).map((step) => step.node));
    refuseRollback(operation, original);
    const { record, facts } = await factsOfExisting(this.#sources, cluster, [], !asker.dryRun);
    const plan = planRollback({ planId, operation, plan: original, begunOn, force, facts });
    const decided =
      kind === 'install'
        ? decidedDeletion(this.#sources, record, plan)
        : { plan, writes: () => [this.#sources.records.put(record)] };
    return this.#start({ ...decided, rollbackOf: operation }, asker);
  }

  /** Runs one command on nodes. `nodes`: names, ids or addresses; "all" = every connected node. Problem: NODE_NOT_FOUND. */
  async exec(
    request: { nodes: readonly string[]; argv: readonly string[]; timeoutSeconds: number },
    asker: Asker,
  ): Promise<Changed> {
    if (request.argv.length === 0)
      throw new Problem('USAGE', 'no command was given', { remedy: 'sealctl exec NODE... -- COMMAND [ARGS...]' });
    const seen = await seenNodes(this.#sources, []);
    const wanted = request.nodes.includes('all') ? seen.filter((node) => node.connected).map((node) => node.id) : request.nodes;
    if (wanted.length === 0)
      throw new Problem('NODE_NOT_FOUND', `no node is connected to the server (${seen.length} are enrolled)`, {
        remedy: 'See "sealctl nodes"; look at "systemctl status seal-agent" on the hosts, or enrol one ("sealctl token create").',
      });
    const nodes = [...new Set(wanted)].map((name) => {
      const found = seen.find((node) => node.id === name || node.name === name || node.facts.addresses.includes(name));
      if (!found) throw new Problem('NODE_NOT_FOUND', `no enrolled node has the name, id or address "${name}"`);
      return found;
    });
    const unique = [...new Map(nodes.map((node) => [node.id, node])).values()];
    const { argv, timeoutSeconds } = request;
    return this.#start({ plan: planExec({ planId: this.#starter.newPlanId(), nodes: unique, argv, timeoutSeconds }) }, asker);
  }

  #clusterOf(request: ChangeRequest): string {
    return request.verb === 'run' ? request.desired.name : findCluster(this.#sources.records, request.cluster).name;
  }

  async #start(decided: Decided, asker: Asker): Promise<Changed> {
    const { plan } = decided;
    if (asker.dryRun) return { plan };
    const { name: requestedBy, policy, skipNodes = [] } = asker;
    return { plan, operation: await this.#starter.start(decided, { requestedBy, skipNodes, ...(policy ? { policy } : {}) }) };
  }
}

function requestOf(
  desired: Cluster,
  next: Exclude<NonNullable<ReturnType<typeof clusterDifference>['next']>, { verb: 'install-apps' }>,
  force: boolean,
): ChangeRequest {
  switch (next.verb) {
    case 'run':
      return { verb: 'run', desired };
    case 'scale-up':
      return { verb: 'scale-up', cluster: desired.name, masters: [], workers: [], hosts: next.hosts };
    case 'delete-nodes':
      return { verb: 'delete-nodes', cluster: desired.name, nodes: next.ips, force, skipDrain: false };
  }
}

/** What a Clusterfile says of the apps of some images; files without an app are for the rootfs, which is there already. */
function aboutImages({ launchApps = [], apps = [], configs = [] }: Cluster, images: readonly ImageFacts[]): AppsWanted {
  const names = new Set(images.flatMap((image) => [imageName(image.reference), ...(image.apps ?? []).map((app) => app.name)]));
  return {
    launchApps: launchApps.filter((name) => names.has(name)),
    apps: apps.filter((app) => names.has(app.name)),
    configs: configs.filter((config) => config.app !== undefined && names.has(config.app)),
  };
}
