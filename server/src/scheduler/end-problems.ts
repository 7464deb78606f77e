import { Problem, type ProblemData } from '@seal/foundation';
import type { OperationView, Plan } from '@seal/plan';
import type { NodeFailures } from './node-failures.ts';

/** How an operation is to end that is being stopped or has nothing left to do; undefined: as SUCCEEDED. */
export function endProblem(
  plan: Plan,
  view: OperationView,
  failures: NodeFailures,
): { readonly status: 'FAILED' | 'CANCELLED'; readonly problem: ProblemData } | undefined {
  if (view.cancelRequested) return { status: 'CANCELLED', problem: cancelled(view) };
  if (view.timedOut) return { status: 'FAILED', problem: timedOut(view, view.timedOut) };
  if (failures.items.length > 0) return { status: 'FAILED', problem: failed(plan, view, failures) };
  return undefined;
}

function cancelled(view: OperationView): ProblemData {
  return new Problem('CANCELLED', `operation ${view.operation} was cancelled`, {
    remedy: `Go on with "sealctl operation resume ${view.operation}".`,
  }).toJSON();
}

function timedOut(view: OperationView, { seconds, phase }: { readonly seconds: number; readonly phase?: string }): ProblemData {
  const what = phase === undefined ? `operation ${view.operation}` : `phase ${phase}`;
  return new Problem('TIMEOUT', `${what} has not ended within ${seconds} s; what it had in flight was ended`, {
    remedy: `See "sealctl operation logs ${view.operation}", then go on with "sealctl operation resume ${view.operation}", with a longer --timeout if need be.`,
    details: { seconds, ...(phase === undefined ? {} : { phase }) },
  }).toJSON();
}

function failed(plan: Plan, view: OperationView, failures: NodeFailures): ProblemData {
  const [first] = failures.items;
  const others = failures.items.length > 1 ? ` and ${failures.items.length - 1} more` : '';
  const why = first?.state.problem?.message ?? (first?.state.exitCode === undefined ? '' : `exit code ${first.state.exitCode}`);
  const names = [...failures.nodes].map((id) => plan.nodes.find((node) => node.id === id)?.name ?? id);
  return new Problem(
    'OPERATION_FAILED',
    `step "${first?.step.title}" failed${others}: ${why}${whatOfTheRest(view, failures, names)}`,
    {
      remedy: `See "sealctl operation logs ${view.operation}", mend the cause, then "sealctl operation resume ${view.operation}"${
        view.policy.onFailure === 'continue' ? ' (with --skip-node to leave a node out)' : ''
      }.`,
      details: {
        steps: failures.items.map((item) => item.step.id),
        cause: first?.state.problem?.code ?? 'STEP_FAILED',
        nodes: names,
      },
    },
  ).toJSON();
}

function whatOfTheRest(view: OperationView, failures: NodeFailures, names: readonly string[]): string {
  if (view.policy.onFailure !== 'continue') return '';
  const nodes = `failed nodes: ${names.join(', ')}`;
  if (failures.tolerated) return `; ${nodes}; the others went on`;
  return failures.nodes.size > failures.limit
    ? `; ${nodes}, more than the ${failures.limit} that may be unavailable`
    : `; ${nodes}, without which the others cannot go on`;
}
