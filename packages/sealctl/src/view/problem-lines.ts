import type { Problem } from '@seal/foundation';
import { cleanText } from './clean-text.ts';
import type { FailedStep } from './operation-result.ts';
import type { Paint } from './paint.ts';

/** How many failed steps are shown with their output; the others are counted. */
const shownSteps = 3;

/** A Problem for people: `CODE: message`, the steps that failed with their last output, and what to do. */
export function problemLines(problem: Problem, paint: Paint): string[] {
  const [first = '', ...rest] = problem.message.split('\n').map(cleanText);
  const steps = (problem.details.failedSteps ?? []) as readonly FailedStep[];
  return [
    `${paint('red', `${problem.code}:`)} ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...steps.slice(0, shownSteps).flatMap((step) => stepLines(step, paint)),
    ...(steps.length > shownSteps ? [`  and ${steps.length - shownSteps} more failed steps`] : []),
    ...problem.remedy.split('\n').map(cleanText),
  ];
}

function stepLines(step: FailedStep, paint: Paint): string[] {
  const exit = step.exitCode === undefined ? '' : `, exit code ${step.exitCode}`;
  const state = step.status === 'UNKNOWN' ? 'cannot tell whether it took effect' : 'failed';
  const where = step.ip && step.ip !== step.node ? `${step.node} (${step.ip})` : step.node;
  return [
    `  ${paint('bold', `${where}: ${cleanText(step.title)}`)} ${state}${exit}`,
    ...(step.problem ? [`    ${step.problem.code}: ${cleanText(step.problem.message)}`] : []),
    ...step.lastOutput.map((line) => paint('dim', `    | ${line}`)),
  ];
}
