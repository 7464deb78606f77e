import { Problem } from '@seal/foundation';
import type { Cli } from '../cli.ts';
import { fields, printData, table } from '../print-data.ts';
import { sinceText } from '../view/durations.ts';
import { policyText } from '../view/policy-text.ts';
import { problemLines } from '../view/problem-lines.ts';
import { applyItem, newProgress } from '../view/progress.ts';
import { stepTableRows } from '../view/step-table.ts';
import { tookText } from '../view/took-text.ts';

/** `sealctl operation show ID`: JSON is {operation, plan, events}. */
export async function showOperation(cli: Cli, id: string): Promise<void> {
  const { eventFromWire, planFromWire } = await import('@seal/protocol');
  const { operation, plan, events } = await (await cli.connect()).operations.getOperation({ id });
  if (!operation || !plan) throw new Problem('SERVER_INCOMPATIBLE', `the server sent no plan for operation ${id}`);
  const progress = newProgress(id, planFromWire(plan));
  const known = events.map(eventFromWire).filter((event) => event !== undefined);
  for (const event of known) applyItem(progress, { kind: 'event', event });
  const now = cli.io.clock.now();
  await printData(cli, { operation, plan: progress.plan, events: known }, async () => {
    const head = await fields(cli, [
      ['Operation', operation.id],
      ['What', operation.summary],
      ['Status', `${operation.status}, ${operation.stepsDone} of ${operation.stepsTotal} steps`],
      ['Waiting for', operation.waitingFor],
      ['Cluster', operation.cluster],
      ['Requested by', operation.requestedBy],
      ['Policy', policyText(progress)],
      ['Takes back', operation.rollbackOf],
      ['Taken back by', operation.rolledBackBy],
      ['Started', sinceText(operation.createdAtMs, now)],
      ['Took', tookText(operation, now)],
    ]);
    const steps = await table(cli, ['phase', 'node', 'step', 'status', 'attempt', 'took'], stepTableRows(progress));
    const problem = operation.problem ? problemLines(Problem.fromData(operation.problem as never), cli.paint) : [];
    return [head, steps, ...(problem.length > 0 ? [problem.join('\n')] : [])].join('\n\n');
  });
}
