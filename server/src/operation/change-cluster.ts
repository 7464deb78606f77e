import type { Cluster } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { type ClusterRecord, chooseRuntime, requiredMaterial } from '@seal/runtime';
import { planDeleteCluster } from '../planner/plan-delete-cluster.ts';
import { planDeleteNodes } from '../planner/plan-delete-nodes.ts';
import { planExec } from '../planner/plan-exec.ts';
import { planRun } from '../planner/plan-run.ts';
import { planScaleUp } from '../planner/plan-scale-up.ts';
import { type FactSources, findCluster, gatherFacts, seenNodes } from './gather-facts.ts';
import type { Decided, OperationStarter } from './start-operation.ts';

/** The answer to a changing call: the plan, and the operation that runs it (undefined for a dry run). */
export interface Changed {
  readonly plan: Plan;
  readonly operation?: string;
}

export interface Asker {
  readonly name: string;
  readonly dryRun: boolean;
}

/** The verbs that change clusters: gather facts, plan, record, start. A dry run stops after the plan and leaves no trace. */
export class ClusterChanges {
  readonly #sources: FactSources;
  readonly #starter: OperationStarter;

  constructor(sources: FactSources, starter: OperationStarter) {
    this.#sources = sources;
    this.#starter = starter;
  }

  /** Makes a cluster as `desired`. Problems: those of the preflight, CLUSTER_EXISTS, IMAGE_NOT_FOUND, RUNTIME_UNSUPPORTED. */
  async run(desired: Cluster, asker: Asker): Promise<Changed> {
    const ips = desired.hosts.map((host) => host.ip);
    const image = await this.#sources.image(desired.image);
    const runtime = chooseRuntime(image);
    const material = requiredMaterial(desired);
    const facts = await gatherFacts(this.#sources, {
      cluster: desired.name,
      image: desired.image,
      ips,
      material,
      keepMaterial: !asker.dryRun,
    });
    const plan = planRun({ planId: this.#starter.newPlanId(), desired, facts });
    // An installation that did not end keeps the members that it has.
    const members = facts.record?.members ?? [];
    const record: Omit<ClusterRecord, 'revision'> = {
      name: desired.name,
      state: 'installing',
      spec: desired,
      imageDigest: image.digest,
      runtime: runtime.name,
      runtimeVersion: runtime.version,
      members,
    };
    return this.#change({ plan, writes: () => [this.#sources.records.put(record)] }, asker);
  }

  async scaleUp(
    request: { cluster: string; masters: readonly string[]; workers: readonly string[] },
    asker: Asker,
  ): Promise<Changed> {
    const { masters, workers } = request;
    const { record, facts } = await this.#existing(request.cluster, [...masters, ...workers], asker);
    const plan = planScaleUp({ planId: this.#starter.newPlanId(), facts, masters, workers });
    return this.#change({ plan, writes: () => [this.#sources.records.put(record)] }, asker);
  }

  async deleteNodes(request: { cluster: string; nodes: readonly string[]; force: boolean }, asker: Asker): Promise<Changed> {
    const { nodes, force } = request;
    const { record, facts } = await this.#existing(request.cluster, [], asker);
    const plan = planDeleteNodes({ planId: this.#starter.newPlanId(), facts, nodes, force });
    return this.#change({ plan, writes: () => [this.#sources.records.put(record)] }, asker);
  }

  async deleteCluster(request: { cluster: string; force: boolean }, asker: Asker): Promise<Changed> {
    const { record, facts } = await this.#existing(request.cluster, [], asker);
    const plan = planDeleteCluster({ planId: this.#starter.newPlanId(), facts, force: request.force });
    const { records } = this.#sources;
    const forgotten = () => records.change(record.name, [{ kind: 'cluster-removed' }], (id) => id);
    const writes = () => (plan.phases.length === 0 ? forgotten() : [records.put({ ...record, state: 'deleting' })]);
    return this.#change({ plan, writes }, asker);
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
    const nodes = [...new Set(wanted)].map((name) => {
      const found = seen.find((node) => node.id === name || node.name === name || node.facts.addresses.includes(name));
      if (!found) throw new Problem('NODE_NOT_FOUND', `no enrolled node has the name, id or address "${name}"`);
      return found;
    });
    const unique = [...new Map(nodes.map((node) => [node.id, node])).values()];
    const { argv, timeoutSeconds } = request;
    return this.#change({ plan: planExec({ planId: this.#starter.newPlanId(), nodes: unique, argv, timeoutSeconds }) }, asker);
  }

  async #existing(name: string, newIps: readonly string[], asker: Asker) {
    const { records } = this.#sources;
    const record = findCluster(records, name);
    const ips = [...record.members.map((member) => member.ip), ...newIps];
    const wanted = {
      cluster: record.name,
      image: record.imageDigest,
      ips,
      material: requiredMaterial(record.spec),
      keepMaterial: !asker.dryRun,
    };
    return { record, facts: await gatherFacts(this.#sources, wanted) };
  }

  async #change(decided: Decided, asker: Asker): Promise<Changed> {
    const { plan } = decided;
    if (asker.dryRun) return { plan };
    return { plan, operation: await this.#starter.start(decided, asker.name) };
  }
}
