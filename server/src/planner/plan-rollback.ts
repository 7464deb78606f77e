import { Problem } from '@seal/foundation';
import type { Plan, RecordChange } from '@seal/plan';
import type { ClusterFacts, ClusterRecord, MemberRecord } from '@seal/runtime';
import { planDeleteCluster } from './plan-delete-cluster.ts';
import { planDeleteNodes } from './plan-delete-nodes.ts';
import { recordedCluster } from './recorded-cluster.ts';

export interface RollbackInput {
  readonly planId: string;
  readonly facts: ClusterFacts;
  /** The operation that is taken back, its plan, and the nodes on which a step of it was sent. */
  readonly operation: string;
  readonly plan: Plan;
  readonly begunOn: ReadonlySet<string>;
  /** Leave out hosts that are away. */
  readonly force: boolean;
}

/**
 * The plan that takes back what an operation began: an installation by giving back every host it began on, a scale-up by removing the nodes
 * it began to add. Nodes that it never reached are not touched.
 *
 * Problems: ROLLBACK_IMPOSSIBLE (removals, exec, an installation that had ended before), OPERATION_STATE (nothing was begun), those of the removal.
 */
export function planRollback(input: RollbackInput): Plan {
  refuseRollback(input.operation, input.plan);
  return input.plan.kind === 'install' ? ofInstall(input) : ofScaleUp(input);
}

const irreversible: Partial<Record<Plan['kind'], string>> = {
  exec: 'what a command has done on a node nobody can take back',
  'install-apps': 'an app may have run in part; "sealctl app uninstall" takes back what can be',
};

/** Lets only those kinds of plans through whose reverse is known. Problem: ROLLBACK_IMPOSSIBLE. */
export function refuseRollback(operation: string, { kind, summary }: Plan): void {
  if (kind === 'install' || kind === 'scale-up') return;
  const why = irreversible[kind] ?? 'what a removal took away is not there any more';
  throw new Problem('ROLLBACK_IMPOSSIBLE', `operation ${operation} (${summary}) cannot be rolled back: ${why}`);
}

function ofInstall({ planId, facts, operation, begunOn, force }: RollbackInput): Plan {
  const record = recordedCluster(facts);
  if (record.state !== 'installing')
    throw new Problem(
      'ROLLBACK_IMPOSSIBLE',
      `operation ${operation} cannot be rolled back: cluster ${record.name} is ${record.state}, and may be in use`,
      { remedy: `Go on with "sealctl operation resume ${operation}", or remove the cluster with "sealctl delete -a".` },
    );
  const plan = planDeleteCluster({ planId, facts, force, begunOn });
  return { ...plan, summary: `roll back ${operation}: ${plan.summary}` };
}

function ofScaleUp({ planId, facts, operation, plan: original, begunOn, force }: RollbackInput): Plan {
  const record = recordedCluster(facts);
  const taken = newMembers(original).filter((member) => begunOn.has(member.nodeId));
  if (taken.length === 0)
    throw new Problem('OPERATION_STATE', `operation ${operation} began nothing on a new node; there is nothing to roll back`);
  const nodes = taken.map((member) => member.nodeId);
  const plan = planDeleteNodes({ planId, facts: { ...facts, record: withMembers(record, taken) }, nodes, force });
  return { ...plan, summary: `roll back ${operation}: ${plan.summary}` };
}

/** The nodes that a plan adds, by the records of its steps. */
function newMembers(plan: Plan): MemberRecord[] {
  return recordsOf(plan).flatMap((change) => {
    if (change.kind !== 'member-joining') return [];
    const { nodeId, ip, role } = change;
    return [{ nodeId, name: plan.nodes.find((node) => node.id === nodeId)?.name ?? nodeId, ip, role, state: 'joining' }];
  });
}

function recordsOf(plan: Plan): RecordChange[] {
  return plan.phases.flatMap((phase) => phase.steps.flatMap((step) => step.records ?? []));
}

/** A node whose first step failed is not recorded yet, and may hold something all the same. */
function withMembers(record: ClusterRecord, adding: readonly MemberRecord[]): ClusterRecord {
  const known = new Set(record.members.map((member) => member.nodeId));
  return { ...record, members: [...record.members, ...adding.filter((member) => !known.has(member.nodeId))] };
}
