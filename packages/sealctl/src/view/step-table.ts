import { durationText } from './durations.ts';
import { nodeName, type Progress } from './progress.ts';

/** One row per step, in the plan's order: phase, node, step, status, attempt, time. */
export function stepTableRows(progress: Progress): string[][] {
  return progress.plan.phases.flatMap((phase) =>
    phase.steps.map((step) => {
      const view = progress.view.steps.get(step.id);
      return [
        phase.name,
        nodeName(progress, step.node),
        step.title,
        view?.status ?? 'PENDING',
        view && view.attempt > 0 ? String(view.attempt) : '',
        view?.durationMs === undefined ? '' : durationText(view.durationMs),
      ];
    }),
  );
}
