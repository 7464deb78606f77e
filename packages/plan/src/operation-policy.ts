import { Problem } from '@seal/foundation';

/** What an operation does when a node fails or a step hangs. Recorded with `operation-created`, changed only by `resume-requested`. */
export interface OperationPolicy {
  /**
   * `fail-fast` (default): a failed step stops everything that is not yet in flight. `continue`: a worker that fails is left where it is,
   * the other nodes go on, and the operation ends as FAILED naming it; the failure of a master still stops everything.
   */
  readonly onFailure: 'fail-fast' | 'continue';
  /**
   * How many workers may be out of service at once: "3", or "10%" of the plan's workers (at least 1). With `continue`, an operation stops when
   * more have failed; phases that take something away from workers begin at most so many at once. Absent: no such limit.
   */
  readonly maxUnavailable?: string;
  /** For the whole operation, from its start or its last resume, waiting included. Absent: none. */
  readonly timeoutSeconds?: number;
  /** Without output for this long a step counts as stalled. Absent: `stallSecondsOf` its kind. */
  readonly stallSeconds?: number;
  /** `report` (default): a stalled step is told of. `cancel`: it is ended too, and counts as failed. */
  readonly stallAction: 'report' | 'cancel';
}

export const defaultPolicy: OperationPolicy = { onFailure: 'fail-fast', stallAction: 'report' };

/** How many of `workers` may be unavailable: `n`, or `max(1, floor(workers · p / 100))`. Problem: USAGE. */
export function unavailableLimit(maxUnavailable: string | undefined, workers: number): number {
  if (maxUnavailable === undefined) return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,9})(%?)$/.exec(maxUnavailable);
  const amount = Number(match?.[1] ?? Number.NaN);
  const percent = match?.[2] === '%';
  if (!(amount >= 1) || (percent && amount > 100))
    throw new Problem('USAGE', `"${maxUnavailable}" is no number of nodes (at least 1) and no share of them (1% to 100%)`);
  return percent ? Math.max(1, Math.floor((workers * amount) / 100)) : amount;
}
