import type { Content, Step } from '@seal/plan';

/** Every secret reference in a step's args, without duplicates. */
export function secretRefs(step: Step): string[] {
  return [...new Set(contentsOf(step).flatMap(refsOf))];
}

/** The plain values of a step's secrets by their references. Rejects as `resolve` does. */
export async function secretsOf(step: Step, resolve: (ref: string) => Promise<Uint8Array>): Promise<Record<string, Buffer>> {
  const refs = secretRefs(step);
  const values = await Promise.all(refs.map((ref) => resolve(ref)));
  return Object.fromEntries(refs.map((ref, index) => [ref, Buffer.from(values[index] ?? new Uint8Array())]));
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
