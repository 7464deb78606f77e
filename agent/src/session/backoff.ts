import type { Random } from '@seal/foundation';

const firstMs = 1000;
const longestMs = 30_000;

/**
 * How long to wait before the next try after `failures` failed ones in a row: anything between 0 and 1 s, 2 s, 4 s … at most 30 s,
 * so that many agents that lost their server at once do not come back at once.
 */
export function backoffMs(failures: number, random: Random): number {
  return Math.floor(random.fraction() * Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10)));
}
