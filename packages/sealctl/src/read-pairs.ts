import { Problem } from '@seal/foundation';

/** `K=V` each, as a record; the value may be empty and may hold "=". Problem: USAGE, naming the flag. */
export function readPairs(pairs: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Problem('USAGE', `${flag} "${pair}": expected NAME=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
