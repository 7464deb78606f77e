import type { Host } from './host.ts';
import { openPhaseBefore } from './observed-operation.ts';
import type { KnownStep } from './observer.ts';
import type { Run } from './run.ts';
import type { World } from './world.ts';

/** What must hold when the work of a step begins on a node. */
export function checkRun(world: World, host: Host, step: KnownStep, run: Run, earlier: readonly Run[]): void {
  const found = world.observer.log.everOfStep(step.id);
  if (!found) {
    world.violated('outside-plan', `${run.token} begins, which is in no recorded plan`);
    return;
  }
  const { operation, state } = found;
  if (step.node !== host.nodeId) world.violated('outside-plan', `${run.token} begins on ${host.name}`);
  if (run.key.step !== step.id)
    world.violated('outside-plan', `${run.token} begins as step ${run.key.step}, which is in no plan`);
  if (state.attempt < run.key.attempt)
    world.violated('decision-durable', `${run.token} begins attempt ${run.key.attempt}, which is not in the log`);
  const isWaitedFor = (state.status === 'DISPATCHED' || state.status === 'STARTED') && state.attempt === run.key.attempt;
  const open = isWaitedFor ? openPhaseBefore(operation, step.phase) : undefined;
  if (open) world.violated('phase-order', `${run.token} begins before ${open} is done`);
  for (const before of earlier) {
    const why = whyNotAgain(host, step, before, operation.resumedAt);
    if (why)
      world.violated('twice', `${run.token} begins again (attempt ${run.key.attempt} after ${before.key.attempt}): ${why}`);
    // A server that was restored from a backup counts from where that was.
    if (before.key.attempt === run.key.attempt && before.begunAt >= world.restoredAt)
      world.violated('attempt', `${run.token} begins twice under attempt ${run.key.attempt}`);
  }
}

/** Why a step must not run again after `before`; undefined when it may. */
function whyNotAgain(host: Host, step: KnownStep, before: Run, resumedAt: readonly number[]): string | undefined {
  if (before.end === undefined) return 'the earlier run goes on';
  const outcome = host.journal.state.get(step.id, before.key.attempt)?.finished?.outcome;
  const wasResumed = resumedAt.some((at) => at >= before.begunAt);
  const isLost = before.end === 'vanished' || before.isEndLost;
  switch (outcome) {
    case 'SUCCEEDED':
    case 'SKIPPED':
      return 'it has succeeded';
    case 'FAILED':
    case 'CANCELLED':
      if (!wasResumed) return `it has ended as ${outcome} and nobody resumed it`;
      // Ended by the agent, or with a known exit code: whoever resumes it has been told. Otherwise nobody knew what it had done.
      return before.end === 'vanished' && !before.wasSignalled ? whyNotAfterLoss(step, before) : undefined;
    case 'UNKNOWN':
      return wasResumed ? whyNotAfterLoss(step, before) : 'nobody resumed it';
    default:
      return isLost ? whyNotAfterLoss(step, before) : `its end (${before.end}) could be known`;
  }
}

function whyNotAfterLoss(step: KnownStep, before: Run): string | undefined {
  if (step.effect === 'idempotent') return undefined;
  if (step.effect === 'guarded') return before.hadEffect ? 'it had its effect and has a probe' : undefined;
  return 'it is irreversible';
}
