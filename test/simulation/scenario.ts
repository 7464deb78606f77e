import { makePhases, type OperationPolicy, type Plan, type PlanNode, type StepDraft } from '@seal/plan';
import type { Prng } from './prng.ts';
import { undoToken } from './undo-plan.ts';

/** How a step's command behaves on its node. */
export interface Behaviour {
  readonly durationMs: number;
  /** When its effect is there. */
  readonly effectAtMs: number;
  readonly hangs: boolean;
  readonly onTerm: 'ends' | 'ignores' | 'succeeds';
  /** Bytes of each write, and their streams. */
  readonly output: readonly { readonly stream: 1 | 2; readonly bytes: number }[];
  /** Of the first run, the second …; later ones succeed. */
  readonly exitCodes: readonly number[];
}

export interface ResumeChange {
  readonly policy?: Partial<OperationPolicy>;
  readonly skipNodes?: readonly string[];
}

export interface ScenarioOperation {
  readonly plan: Plan;
  readonly policy: OperationPolicy;
  /** Nodes that are left out from the start. */
  readonly skipNodes: readonly string[];
  /** When it is asked for, ms. */
  readonly askedAt: number;
  readonly cancelledAt: number | undefined;
  /** How often it may be resumed after it failed or was cancelled; what each changes of how it is run. */
  readonly resumes: readonly ResumeChange[];
  /** It is rolled back when it is resumed no more. */
  readonly rollsBack: boolean;
}

/** What is to be done in a world, and how long things go wrong in it. */
export interface Scenario {
  readonly nodes: readonly PlanNode[];
  readonly operations: readonly ScenarioOperation[];
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  readonly graceSeconds: number;
  readonly outputWindowBytes: number;
  /** Steps at a time on one agent. */
  readonly concurrentSteps: number;
  /** Size from which an agent rewrites its journal. */
  readonly compactAtBytes: number;
  readonly quietAt: number;
}

/** A world's story, drawn from a seed. */
export function drawScenario(prng: Prng): Scenario {
  const behaviours = new Map<string, Behaviour>();
  const hasMaster = prng.chance(0.4);
  const nodes = Array.from({ length: prng.pick([1, 2, 3, 4]) }, (_, index): PlanNode => {
    const name = `n${index + 1}`;
    return { id: `id-${name}`, name, ip: `10.0.0.${index + 1}`, role: hasMaster && index === 0 ? 'master' : 'worker' };
  });
  const skippable = nodes.slice(1).map(({ id }) => id);
  const quietAt = prng.pick([20_000, 60_000, 120_000]);
  const operations = Array.from({ length: prng.pick([1, 1, 2, 3]) }, (_, index): ScenarioOperation => {
    const askedAt = index === 0 ? 100 : prng.int(0, quietAt / 2);
    for (const { name } of nodes) behaviours.set(undoToken(index + 1, name), drawBehaviour(prng));
    return {
      plan: drawPlan(prng, index, nodes, behaviours),
      policy: drawPolicy(prng),
      skipNodes: skippable.length > 0 && prng.chance(0.05) ? [prng.pick(skippable)] : [],
      askedAt,
      cancelledAt: prng.chance(0.25) ? askedAt + prng.int(100, quietAt) : undefined,
      rollsBack: prng.chance(0.4),
      resumes: Array.from({ length: prng.int(0, 3) }, () => drawResume(prng, skippable)),
    };
  });
  return {
    nodes,
    operations,
    behaviours,
    quietAt,
    graceSeconds: prng.pick([5, 20, 60]),
    outputWindowBytes: prng.pick([100, 1000, 100_000]),
    concurrentSteps: prng.pick([1, 2, 8]),
    compactAtBytes: prng.pick([800, 4000, 1_000_000]),
  };
}

/** What a step's command is known by in the simulated world, whatever id it is sent under. */
export function tokenOf(step: { readonly kind: string; readonly args: object }): string {
  const args = step.args as { argv?: string[]; script?: string; files?: { path: string }[] };
  return args.argv?.[1] ?? args.script ?? args.files?.[0]?.path.slice(1) ?? '';
}

function drawPlan(prng: Prng, index: number, nodes: readonly PlanNode[], behaviours: Map<string, Behaviour>): Plan {
  const id = `plan-${index + 1}`;
  const cluster = prng.pick(['', 'alpha', 'alpha', 'beta']);
  const names = Array.from({ length: prng.int(1, 3) }, (_, position) => `phase-${position + 1}`);
  const phases = names.map((name, position) => {
    const steps = nodes.flatMap((node) => {
      if (nodes.length > 1 && prng.chance(0.2)) return [];
      return Array.from({ length: prng.pick([1, 1, 2, 3]) }, (_, at) => {
        const token = `${index + 1}.${position + 1}.${node.name}.${at + 1}`;
        behaviours.set(token, drawBehaviour(prng));
        return { ...drawStep(prng, token, node), ...drawSubject(prng, node, nodes) };
      });
    });
    return { name, title: name, steps, ...drawPhase(prng, nodes.length) };
  });
  // A plan has at least one step.
  const [first] = phases;
  if (phases.every(({ steps }) => steps.length === 0) && first && nodes[0]) {
    const token = `${index + 1}.1.${nodes[0].name}.1`;
    behaviours.set(token, drawBehaviour(prng));
    first.steps.push(drawStep(prng, token, nodes[0]));
  }
  const kind = cluster === '' ? 'exec' : 'install';
  return { id, kind, cluster, baseRevision: 0, summary: id, nodes, phases: makePhases(id, phases) };
}

/** A master does some steps in the place of another node, as a drain is done. */
function drawSubject(prng: Prng, node: PlanNode, nodes: readonly PlanNode[]): { about?: string } {
  return node.role === 'master' && nodes.length > 1 && prng.chance(0.3) ? { about: prng.pick(nodes.slice(1)).id } : {};
}

function drawPhase(prng: Prng, nodes: number) {
  return {
    destructive: prng.chance(0.3),
    ...(prng.chance(0.5) ? { parallelism: prng.int(1, nodes) } : {}),
    ...(prng.chance(0.1) ? { timeoutSeconds: prng.pick([10, 40]) } : {}),
    ...(prng.chance(0.15) ? { needsAll: true } : {}),
  };
}

function drawResume(prng: Prng, skippable: readonly string[]): ResumeChange {
  const policy = prng.chance(0.3) ? { policy: { onFailure: prng.pick(['fail-fast', 'continue'] as const) } } : {};
  return { ...policy, ...(skippable.length > 0 && prng.chance(0.1) ? { skipNodes: [prng.pick(skippable)] } : {}) };
}

function drawPolicy(prng: Prng): OperationPolicy {
  return {
    onFailure: prng.pick(['fail-fast', 'continue']),
    stallAction: prng.pick(['report', 'cancel']),
    ...(prng.chance(0.3) ? { maxUnavailable: prng.pick(['1', '2', '50%']) } : {}),
    ...(prng.chance(0.1) ? { timeoutSeconds: prng.pick([10, 40]) } : {}),
    ...(prng.chance(0.3) ? { stallSeconds: prng.pick([3, 10]) } : {}),
  };
}

function drawStep(prng: Prng, token: string, node: PlanNode): StepDraft {
  const draft = { title: token, node: node.id, timeoutSeconds: prng.pick([15, 60]), mayFail: prng.chance(0.1) };
  const records = prng.chance(0.3)
    ? { records: [prng.pick([joining(node), { kind: 'member-ready' as const, nodeId: node.id }])] }
    : {};
  if (prng.chance(0.05)) {
    const args = { rootfs: '/', script: token, args: [], env: {}, optional: true };
    return { ...draft, kind: 'run-script', args, effect: 'idempotent' };
  }
  if (prng.chance(0.2)) {
    const content = prng.chance(0.5) ? { secret: 'cluster/alpha/secret' } : { text: '' };
    const args = { files: [{ path: `/${token}`, mode: '0600', content }] };
    return { ...draft, ...records, kind: 'write-files', args, effect: 'idempotent' };
  }
  const effect = prng.pick(['idempotent', 'guarded', 'irreversible'] as const);
  const isProbed = effect === 'guarded' || (effect === 'irreversible' && prng.chance(0.5));
  const probe = isProbed ? { probe: { argv: ['probe', token], env: {} } } : {};
  return { ...draft, ...records, ...probe, kind: 'run-command', args: { argv: ['do', token], env: {} }, effect };
}

function joining(node: PlanNode) {
  return { kind: 'member-joining', nodeId: node.id, ip: node.ip, role: 'worker' } as const;
}

function drawBehaviour(prng: Prng): Behaviour {
  const durationMs = prng.pick([5, 50, 400, 2000, 8000]);
  const writes = prng.pick([0, 1, 2, 5]);
  return {
    durationMs,
    effectAtMs: prng.int(0, durationMs),
    hangs: prng.chance(0.03),
    onTerm: prng.pick(['ends', 'ends', 'ignores', 'succeeds']),
    output: Array.from({ length: writes }, () => ({
      stream: prng.pick([1, 1, 2] as const),
      bytes: prng.pick([1, 10, 90, 600, 2500]),
    })),
    exitCodes: prng.chance(0.06) ? [1, prng.pick([0, 2])] : [0],
  };
}
