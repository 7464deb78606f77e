import { tookMs } from '@seal/plan';
import type { operationProto } from '@seal/protocol';
import { durationText } from './durations.ts';

/** How long an operation worked so far: "3m 05s". */
export function tookText(operation: operationProto.OperationSummary, now: number): string {
  const { createdAtMs, runSinceMs, earlierMs, finishedAtMs } = operation;
  // A server of an earlier version says neither when it was resumed nor how long it worked before.
  return durationText(tookMs({ runSince: runSinceMs || createdAtMs, earlierMs, finishedAt: finishedAtMs }, now));
}
