import type { Cluster } from '@seal/clusterfile';
import type { Plan } from '@seal/plan';
import { type ClusterRecord, chooseRuntime, requiredMaterial } from '@seal/runtime';
import { planDeleteCluster } from '../planner/plan-delete-cluster.ts';
import { planDeleteNodes } from '../planner/plan-delete-nodes.ts';
import { planRun } from '../planner/plan-run.ts';
import { planScaleUp } from '../planner/plan-scale-up.ts';
import type { ChangeRequest } from './change-request.ts';
import { type FactSources, findCluster, gatherFacts } from './gather-facts.ts';
import type { Decided } from './start-operation.ts';

export interface DecideOptions {
  readonly planId: string;
  /** False: secrets that do not exist yet are made up for this plan only. */
  readonly keepMaterial: boolean;
}

type Request<V extends ChangeRequest['verb']> = Extract<ChangeRequest, { verb: V }>;

/**
 * Gathers the facts that a change needs and plans it. The same request, id and facts give the same plan.
 * Problems: those of the preflight and of the verb's planner, CLUSTER_NOT_FOUND, IMAGE_NOT_FOUND.
 */
export async function decideChange(sources: FactSources, request: ChangeRequest, options: DecideOptions): Promise<Decided> {
  switch (request.verb) {
    case 'run':
      return decideRun(sources, request.desired, options);
    case 'scale-up':
      return decideScaleUp(sources, request, options);
    case 'delete-nodes':
      return decideDeleteNodes(sources, request, options);
    case 'delete-cluster':
      return decideDeleteCluster(sources, request, options);
  }
}

/** Record and facts of a cluster that exists; `newIps`: addresses that are not in it yet. Problem: CLUSTER_NOT_FOUND. */
export async function factsOfExisting(sources: FactSources, name: string, newIps: readonly string[], keepMaterial: boolean) {
  const record = findCluster(sources.records, name);
  const facts = await gatherFacts(sources, {
    cluster: record.name,
    image: record.imageDigest,
    ips: [...record.members.map((member) => member.ip), ...newIps],
    material: requiredMaterial(record.spec),
    keepMaterial,
  });
  return { record, facts };
}

/** A plan that takes a cluster down, and what becomes of its record: forgotten at once where no host is left to be cleaned. */
export function decidedDeletion(sources: FactSources, record: ClusterRecord, plan: Plan): Decided {
  const { records } = sources;
  const forgotten = () => records.change(record.name, [{ kind: 'cluster-removed' }], (id) => id);
  return { plan, writes: () => (plan.phases.length === 0 ? forgotten() : [records.put({ ...record, state: 'deleting' })]) };
}

async function decideRun(sources: FactSources, desired: Cluster, { planId, keepMaterial }: DecideOptions): Promise<Decided> {
  const ips = desired.hosts.map((host) => host.ip);
  const image = await sources.image(desired.image, ips);
  const runtime = chooseRuntime(image);
  const facts = await gatherFacts(sources, {
    cluster: desired.name,
    image: desired.image,
    ips,
    material: requiredMaterial(desired),
    keepMaterial,
  });
  const plan = planRun({ planId, desired, facts });
  const record: Omit<ClusterRecord, 'revision'> = {
    name: desired.name,
    state: 'installing',
    spec: desired,
    imageDigest: image.digest,
    runtime: runtime.name,
    runtimeVersion: runtime.version,
    // An installation that did not end keeps the members that it has.
    members: facts.record?.members ?? [],
  };
  return { plan, writes: () => [sources.records.put(record)] };
}

async function decideScaleUp(
  sources: FactSources,
  request: Request<'scale-up'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { masters, workers, hosts } = request;
  const ips = hosts?.map((host) => host.ip) ?? [...masters, ...workers];
  const { record, facts } = await factsOfExisting(sources, request.cluster, ips, keepMaterial);
  const plan = planScaleUp({ planId, facts, masters, workers, ...(hosts ? { hosts } : {}) });
  // What a Clusterfile says of a host is remembered like that of the first ones.
  const others = record.spec.hosts.filter((host) => !ips.includes(host.ip));
  const spec = hosts ? { ...record.spec, hosts: [...others, ...hosts] } : record.spec;
  return { plan, writes: () => [sources.records.put({ ...record, spec })] };
}

async function decideDeleteNodes(
  sources: FactSources,
  { cluster, nodes, force, skipDrain }: Request<'delete-nodes'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { record, facts } = await factsOfExisting(sources, cluster, [], keepMaterial);
  const plan = planDeleteNodes({ planId, facts, nodes, force, skipDrain });
  return { plan, writes: () => [sources.records.put(record)] };
}

async function decideDeleteCluster(
  sources: FactSources,
  { cluster, force }: Request<'delete-cluster'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { record, facts } = await factsOfExisting(sources, cluster, [], keepMaterial);
  return decidedDeletion(sources, record, planDeleteCluster({ planId, facts, force }));
}
