import { canonicalJson, sha256Digest } from '@seal/foundation';
import type { Step } from './step.ts';

type Identified = Pick<Step, 'node' | 'kind' | 'args' | 'title'>;

/**
 * The id of a step: 16 hex digits of the SHA-256 of plan, phase, position in the phase and inputs.
 * The same plan made twice from the same inputs has the same ids; agents recognise a redelivered step by it.
 */
export function stepId(planId: string, phase: string, position: number, step: Identified): string {
  const { node, kind, args, title } = step;
  return sha256Digest(canonicalJson({ planId, phase, position, node, kind, args, title })).slice(7, 23);
}
