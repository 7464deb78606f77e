import type { Phase, Plan } from './plan.ts';
import type { Step } from './step.ts';

/**
 * A plan as stable text for people: summary, then each phase with what runs where. Steps with the same titles on several nodes are told
 * once, with the nodes; a phase that takes something away is marked. Each step says what it is, what happens to it after a crash (its effect) and
 * how long it may take. Ends with a newline.
 */
export function describePlan(plan: Plan): string {
  const names = new Map(plan.nodes.map((node) => [node.id, node.name]));
  const nodes = plan.nodes.map((node) => `  ${node.name}  ${node.ip}  ${node.role}`);
  const steps = plan.phases.reduce((sum, phase) => sum + phase.steps.length, 0);
  const counts = [count(plan.phases.length, 'phase'), count(steps, 'step')].join(', ');
  const head = [plan.summary, `${counts} on ${count(plan.nodes.length, 'node')}:`, ...nodes, ''];
  return `${[...head, ...plan.phases.flatMap((phase, index) => describePhase(phase, index + 1, names))].join('\n')}\n`;
}

function describePhase(phase: Phase, number: number, names: ReadonlyMap<string, string>): string[] {
  const groups = new Map<string, { lines: string[]; nodes: string[] }>();
  for (const [node, steps] of stepsByNode(phase)) {
    const lines = steps.map(describeStep);
    const key = lines.join('\n');
    const group = groups.get(key) ?? { lines, nodes: [] };
    group.nodes.push(names.get(node) ?? node);
    groups.set(key, group);
  }
  const nodeCount = new Set(phase.steps.map((step) => step.node)).size;
  const marks = [
    ...(phase.destructive ? ['DESTRUCTIVE'] : []),
    ...(nodeCount > 1
      ? [
          phase.parallelism >= nodeCount
            ? 'all at once'
            : phase.parallelism === 1
              ? 'one by one'
              : `${phase.parallelism} at a time`,
        ]
      : []),
    ...(phase.timeoutSeconds === undefined ? [] : [`at most ${duration(phase.timeoutSeconds)}`]),
    ...(phase.needsAll ? ['only if no node has failed before'] : []),
  ];
  const title = `${String(number).padStart(2)}. ${phase.title}  [${phase.name}]${marks.length > 0 ? `  (${marks.join(', ')})` : ''}`;
  return [
    title,
    ...[...groups.values()].flatMap((group) => [
      `      on ${group.nodes.join(', ')}`,
      ...group.lines.map((line) => `        ${line}`),
    ]),
  ];
}

function stepsByNode(phase: Phase): Map<string, Step[]> {
  const byNode = new Map<string, Step[]>();
  for (const step of phase.steps) byNode.set(step.node, [...(byNode.get(step.node) ?? []), step]);
  return byNode;
}

function describeStep(step: Step): string {
  const notes = [
    step.gate ? 'gate' : step.kind,
    step.effect,
    `at most ${duration(step.timeoutSeconds)}`,
    ...(step.mayFail ? ['goes on if it fails'] : []),
    ...(step.kind === 'run-script' && step.args.optional ? ['if the image has it'] : []),
  ];
  return `- ${step.title.replaceAll('\n', ' ')} (${notes.join('; ')})`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** "90s", "5m", "1h30m". */
function duration(seconds: number): string {
  if (seconds < 120 || seconds % 60 !== 0) return `${seconds}s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), (seconds % 3600) / 60];
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}`;
}
