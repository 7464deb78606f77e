import type { Plan } from '@seal/plan';
import { cleanText } from './clean-text.ts';
import type { Paint } from './paint.ts';

/** A plan for people: its nodes, then its phases in order; with `steps`, each step of each phase too. */
export function planLines(plan: Plan, paint: Paint, steps = true): string[] {
  const names = new Map(plan.nodes.map((node) => [node.id, cleanText(node.name)]));
  const nodes = plan.nodes.map((node) => `${cleanText(node.name)} (${node.ip}, ${node.role})`);
  const count = plan.phases.reduce((total, phase) => total + phase.steps.length, 0);
  const phaseLines = plan.phases.flatMap((phase, index) => {
    const where = [...new Set(phase.steps.map((step) => names.get(step.node) ?? step.node))];
    const mark = phase.destructive ? paint('red', ' [takes away]') : '';
    const pace = where.length > 1 && phase.parallelism < where.length ? `, ${phase.parallelism} at a time` : '';
    return [
      `${String(index + 1).padStart(3)}. ${paint('bold', cleanText(phase.title))}${mark}  on ${where.join(', ')}${pace}`,
      ...(steps
        ? phase.steps.map((step) => paint('dim', `       ${names.get(step.node) ?? step.node}: ${cleanText(step.title)}`))
        : []),
    ];
  });
  return [
    paint('bold', cleanText(plan.summary)),
    `nodes: ${nodes.join(', ')}`,
    ...phaseLines,
    `${plan.phases.length} phases, ${count} steps`,
  ];
}
