import type { Command } from 'commander';
import { changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';

/** `sealctl operation rollback ID` */
export function addRollback(operation: Command, cli: Cli): void {
  policyFlags(operation.command('rollback'))
    .summary('Take back what a failed or cancelled operation began.')
    .description(
      'Take back what a failed or cancelled installation or scale-up began, as an operation of its own: the hosts that it reached are given ' +
        'back as they were found. Shows the plan, and asks. Refused once something else has changed the cluster.',
    )
    .argument('<id>', 'id of the operation')
    .option('--force', 'leave out hosts that are away')
    .option('-y, --yes', 'do not ask')
    .option('--detach', 'print the id of the new operation and do not follow it')
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl operation rollback op-7f3k9q2m'))
    .action(async (id: string, flags: PolicyFlags & { force?: boolean; yes?: boolean; detach?: boolean }) => {
      const client = await cli.connect();
      const policy = readPolicy(flags);
      const change = async (dryRun: boolean) => ({
        ...(await client.operations.rollbackOperation(
          { id, dryRun, force: flags.force === true, policy },
          { timeoutSeconds: 60 },
        )),
        savedUntilMs: 0,
      });
      await changeCluster(cli, client, change, flags);
    });
}
