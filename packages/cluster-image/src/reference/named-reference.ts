import { Problem } from '@seal/foundation';
import { parseReference } from './parse-reference.ts';

/** A name that an image in a store can have, normalised. Throws IMAGE_REFERENCE_INVALID, also for one with a digest. */
export function namedReference(reference: string): string {
  const { text, digest } = parseReference(reference);
  if (digest !== undefined)
    throw new Problem('IMAGE_REFERENCE_INVALID', `"${reference}" has a digest; a name in the store is NAME[:TAG]`);
  return text;
}
