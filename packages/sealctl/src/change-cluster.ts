import type { Plan } from '@seal/plan';
import type { clusterProto, SealClient } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { confirm } from './confirm.ts';
import { followOperation } from './follow-operation.ts';
import { planOutline } from './view/plan-lines.ts';

/** A changing call: with `dryRun` it only plans. */
export type Change = (dryRun: boolean) => Promise<clusterProto.ChangeReply>;

export interface ChangeFlags {
  /** Do not ask. */
  readonly yes?: boolean;
  readonly detach?: boolean;
}

/**
 * Makes a change and follows it. What takes something away is planned first, shown, and asked about unless `yes`.
 * Problems: CONFIRMATION_REQUIRED, CANCELLED, and how the operation ended.
 */
export async function changeCluster(cli: Cli, client: SealClient, change: Change, flags: ChangeFlags): Promise<void> {
  if (!flags.yes) {
    const plan = await planOf(await change(true));
    if (plan.phases.some((phase) => phase.destructive)) {
      cli.io.stderr.write(`${planOutline(plan, cli.errorPaint).join('\n')}\n`);
      await confirm(cli, `${plan.summary}: go on?`, false);
    }
  }
  const { operation } = await change(false);
  await followChange(cli, client, operation, flags);
}

/** Follows an operation that was just begun; with `detach` only tells its id. Problems: how the operation ended. */
export async function followChange(
  cli: Cli,
  client: SealClient,
  operation: string,
  flags: Pick<ChangeFlags, 'detach'>,
): Promise<void> {
  if (flags.detach) {
    if (cli.format === 'json') return cli.out(JSON.stringify({ operation }));
    cli.out(operation);
    return cli.note(`Operation ${operation} runs on the server; "sealctl operation watch ${operation}" follows it.`);
  }
  await followOperation(cli, client, operation);
}

/** The plan of an answer, checked. Problems: SERVER_INCOMPATIBLE, STEP_KIND_UNKNOWN, STEP_INVALID. */
export async function planOf(reply: Pick<clusterProto.ChangeReply, 'plan'>): Promise<Plan> {
  const [{ planFromWire }, { Problem }] = await Promise.all([import('@seal/protocol'), import('@seal/foundation')]);
  if (!reply.plan) throw new Problem('SERVER_INCOMPATIBLE', 'the server answered without a plan');
  return planFromWire(reply.plan);
}
