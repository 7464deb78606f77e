import { Problem, type ProblemData } from '@seal/foundation';
import { type StepView, tookMs } from '@seal/plan';
import { durationText } from './durations.ts';
import { lastLine, nodeName, type Progress } from './progress.ts';

/** A step that went wrong, as `details.failedSteps` of a Problem holds it. */
export interface FailedStep {
  readonly node: string;
  readonly ip: string;
  readonly phase: string;
  readonly step: string;
  readonly title: string;
  readonly status: StepView['status'];
  readonly exitCode?: number;
  readonly problem?: ProblemData;
  /** Last lines of its output, at most 20. */
  readonly lastOutput: readonly string[];
}

/** How a finished operation ended: the line for its success, or the Problem (OPERATION_FAILED, CANCELLED) that says what failed where. */
export function operationResult(progress: Progress): { readonly line: string } | { readonly problem: Problem } {
  const { view, plan, operation } = progress;
  if (view.status === 'SUCCEEDED') {
    const time = durationText(tookMs(view, view.createdAt));
    return { line: `${plan.summary}: done in ${time} (${operation})` };
  }
  if (view.status === 'CANCELLED')
    return {
      problem: new Problem('CANCELLED', `operation ${operation} (${plan.summary}) was cancelled`, {
        remedy: `What succeeded is kept. Go on with "sealctl operation resume ${operation}".`,
        details: { operation, failedSteps: failedSteps(progress) },
      }),
    };
  return { problem: failure(progress) };
}

function failure(progress: Progress): Problem {
  const { view, plan, operation } = progress;
  const failed = failedSteps(progress);
  if (view.problem?.code === 'TIMEOUT')
    return new Problem('TIMEOUT', `${view.problem.message} (${plan.summary})`, {
      remedy: view.problem.remedy,
      details: { operation, failedSteps: failed },
    });
  const first = failed[0];
  const more = failed.length > 1 ? `, and ${failed.length - 1} more` : '';
  const where = first
    ? `: ${first.phase}: "${first.title}" on ${first.node}${more}`
    : view.problem
      ? `: ${view.problem.message}`
      : '';
  const advice = first?.problem?.remedy ?? view.problem?.remedy;
  return new Problem('OPERATION_FAILED', `operation ${operation} (${plan.summary}) failed${where}${others(progress)}`, {
    remedy: [
      ...(advice ? [advice] : []),
      `All output: "sealctl operation logs ${operation}${first ? ` --node ${first.node}` : ''}".`,
      `Once the cause is mended, go on with "sealctl operation resume ${operation}"; what succeeded is not done again.`,
    ].join('\n'),
    details: { operation, failedSteps: failed },
  });
}

/** With --continue: who failed, and that the others went on. */
function others({ view }: Progress): string {
  const nodes = view.problem?.details?.nodes;
  if (view.policy.onFailure !== 'continue' || !Array.isArray(nodes)) return '';
  return `; failed nodes: ${nodes.join(', ')}`;
}

function failedSteps(progress: Progress): FailedStep[] {
  const found = [...progress.view.steps.values()].filter((view) => view.status === 'FAILED' || view.status === 'UNKNOWN');
  return found
    .map((view) => ({ view, step: progress.steps.get(view.id)?.step }))
    .filter(({ step }) => !step?.mayFail)
    .map(({ view, step }) => ({
      node: nodeName(progress, view.node),
      ip: progress.nodes.get(view.node)?.ip ?? '',
      phase: view.phase,
      step: view.id,
      title: step?.title ?? view.id,
      status: view.status,
      ...(view.exitCode === undefined ? {} : { exitCode: view.exitCode }),
      ...(view.problem ? { problem: view.problem } : {}),
      lastOutput: outputOf(progress, view.id),
    }));
}

function outputOf(progress: Progress, step: string): string[] {
  const tail = progress.tails.get(step) ?? [];
  const last = lastLine(progress, step);
  return last === '' || tail.includes(last) ? tail : [...tail, last];
}
