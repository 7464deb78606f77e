import type { Plan } from '@seal/plan';
import type { ClusterRecord } from '@seal/runtime';
import { planDeleteCluster } from '../planner/plan-delete-cluster.ts';
import { planDeleteNodes } from '../planner/plan-delete-nodes.ts';
import { planScaleUp } from '../planner/plan-scale-up.ts';
import type { ChangeRequest } from './change-request.ts';
import { factsOfExisting, placedImages } from './cluster-facts.ts';
import { decideInstallApps, decideUninstallApp } from './decide-apps.ts';
import { decideRun } from './decide-run.ts';
import type { FactSources } from './gather-facts.ts';
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
    case 'install-apps':
      return decideInstallApps(sources, request, options);
    case 'uninstall-app':
      return decideUninstallApp(sources, request, options);
    case 'delete-nodes':
      return decideDeleteNodes(sources, request, options);
    case 'delete-cluster':
      return decideDeleteCluster(sources, request, options);
  }
}

/** A plan that takes a cluster down, and what becomes of its record: forgotten at once where no host is left to be cleaned. */
export function decidedDeletion(sources: FactSources, record: ClusterRecord, plan: Plan): Decided {
  const { records } = sources;
  const forgotten = () => records.change(record.name, [{ kind: 'cluster-removed' }], (id) => id);
  return { plan, writes: () => (plan.phases.length === 0 ? forgotten() : [records.put({ ...record, state: 'deleting' })]) };
}

async function decideScaleUp(
  sources: FactSources,
  request: Request<'scale-up'>,
  { planId, keepMaterial }: DecideOptions,
): Promise<Decided> {
  const { masters, workers, hosts } = request;
  const ips = hosts?.map((host) => host.ip) ?? [...masters, ...workers];
  const { record, facts: existing } = await factsOfExisting(sources, request.cluster, ips, keepMaterial);
  const facts = { ...existing, apps: await placedImages(sources, record) };
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
