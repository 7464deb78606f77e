import type { OperationEvent } from '@seal/plan';
import { cleanText } from './clean-text.ts';
import { clockText, durationText } from './durations.ts';
import type { Paint } from './paint.ts';
import { nodeName, type Progress } from './progress.ts';

/**
 * What one event is in plain lines, for pipes and logs: "14:05:09 join-workers n1 kubeadm join … ok 3.2s". No line for events that say
 * nothing new to a reader (a step was sent). `progress` has the event taken in already.
 */
export function plainLines(progress: Progress, event: OperationEvent, paint: Paint): string[] {
  const say = (text: string) => [`${clockText(event.at)} ${text}`];
  switch (event.type) {
    case 'operation-created':
      return say(`${cleanText(progress.plan.summary)} (${progress.operation})`);
    case 'operation-waiting':
      return say(paint('yellow', `waiting: ${cleanText(event.reason)}`));
    case 'operation-continued':
      return say('going on');
    case 'cancel-requested':
      return say(paint('yellow', `cancel requested by ${cleanText(event.requestedBy)}`));
    case 'resume-requested':
      return say(`resumed by ${cleanText(event.requestedBy)}`);
    case 'node-skipped':
      return say(paint('yellow', `${nodeName(progress, event.node)} is left out, as ${cleanText(event.requestedBy)} asked`));
    case 'steps-skipped': {
      const why = event.reason === 'asked' ? 'as was asked' : 'since it failed before';
      return say(paint('yellow', `${nodeName(progress, event.node)}: ${stepCount(event.steps.length)} left out, ${why}`));
    }
    case 'step-stalled':
      return say(paint('yellow', `${stepText(progress, event.step)} … no output for ${durationText(event.seconds * 1000)}`));
    case 'operation-timed-out':
      return say(paint('red', `${event.phase ?? 'the operation'} has not ended within ${durationText(event.seconds * 1000)}`));
    case 'operation-rolled-back':
      return say(`taken back by operation ${event.by}, as ${cleanText(event.requestedBy)} asked`);
    case 'phase-started':
      return say(`${event.phase}: ${cleanText(titleOf(progress, event.phase))}`);
    case 'step-started':
      return say(`${stepText(progress, event.step)} …${event.attempt > 1 ? ` attempt ${event.attempt}` : ''}`);
    case 'step-finished':
      return say(`${stepText(progress, event.step)} … ${outcomeText(event, paint)}`);
    case 'phase-finished':
      return event.status === 'SUCCEEDED' ? [] : say(`${event.phase}: ${paint('red', event.status.toLowerCase())}`);
    default:
      return [];
  }
}

function stepCount(count: number): string {
  return `${count} ${count === 1 ? 'step' : 'steps'}`;
}

function titleOf(progress: Progress, phase: string): string {
  return progress.plan.phases.find((candidate) => candidate.name === phase)?.title ?? phase;
}

function stepText(progress: Progress, id: string): string {
  const found = progress.steps.get(id);
  return found ? `${found.phase.name} ${nodeName(progress, found.step.node)} ${cleanText(found.step.title)}` : id;
}

function outcomeText(event: Extract<OperationEvent, { type: 'step-finished' }>, paint: Paint): string {
  const time = durationText(event.durationMs);
  if (event.outcome === 'SUCCEEDED') return `${paint('green', 'ok')} ${time}`;
  if (event.outcome === 'SKIPPED') return `skipped ${time}`;
  const exit = event.exitCode === undefined ? '' : ` exit code ${event.exitCode}`;
  const why = event.problem ? `: ${event.problem.code}: ${cleanText(event.problem.message)}` : '';
  return `${paint(event.outcome === 'CANCELLED' ? 'yellow' : 'red', event.outcome)} ${time}${exit}${why}`;
}
