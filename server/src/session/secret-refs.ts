import type { Content, Step } from '@seal/plan';

/** Every secret reference in a step's args, without duplicates. */
export function secretRefs(step: Step): string[] {
  return [...new Set(contentsOf(step).flatMap(refsOf))];
}

function contentsOf(step: Step): Content[] {
  if (step.kind === 'write-files') return step.args.files.map((file) => file.content);
  if (step.kind === 'run-command' && step.args.stdin) return [step.args.stdin];
  return [];
}

function refsOf(content: Content): string[] {
  if ('secret' in content) return [content.secret];
  if ('template' in content) return Object.values(content.secrets);
  return [];
}
