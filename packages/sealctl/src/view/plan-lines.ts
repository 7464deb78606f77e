import { describePlan, type Plan } from '@seal/plan';
import { cleanText } from './clean-text.ts';
import type { Paint } from './paint.ts';

/** A plan in full, for reading: nodes, phases, and what runs where. */
export function planLines(plan: Plan): string[] {
  return describePlan(plan).trimEnd().split('\n').map(cleanText);
}

/** A plan in short, for a question: its nodes and its phases in order, those marked that take something away. */
export function planOutline(plan: Plan, paint: Paint): string[] {
  const names = new Map(plan.nodes.map((node) => [node.id, cleanText(node.name)]));
  const nodes = plan.nodes.map((node) => `${cleanText(node.name)} (${node.ip}, ${node.role})`);
  const phases = plan.phases.map((phase, index) => {
    const where = [...new Set(phase.steps.map((step) => names.get(step.node) ?? step.node))];
    const mark = phase.destructive ? paint('red', ' DESTRUCTIVE') : '';
    return `${String(index + 1).padStart(3)}. ${cleanText(phase.title)}${mark}  on ${where.join(', ')}`;
  });
  return [paint('bold', cleanText(plan.summary)), `nodes: ${nodes.join(', ')}`, ...phases];
}
