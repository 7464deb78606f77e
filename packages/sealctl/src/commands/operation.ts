import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { followOperation } from '../follow-operation.ts';
import { newestByDefault, newestOperation } from '../newest-operation.ts';
import { eventFormatOption, examples, formatOption, parseCount } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { printData, table } from '../print-data.ts';
import { sinceText } from '../view/durations.ts';
import { tookText } from '../view/took-text.ts';
import { addOperationLogs } from './operation-logs.ts';
import { addRollback } from './operation-rollback.ts';
import { showOperation } from './operation-show.ts';

/** `sealctl operation list|show|watch|logs|cancel|resume|rollback` */
export function addOperation(program: Command, cli: Cli): void {
  const operation = program
    .command('operation')
    .helpCommand(false)
    .alias('op')
    .description('What was done to clusters and nodes, and what is being done.');
  operation
    .command('list')
    .description('Show operations, newest first.')
    .option('--cluster <name>', 'only of this cluster')
    .option('--limit <count>', 'at most so many (default: 50)', parseCount)
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl operation list', 'sealctl operation list --cluster demo -o json'))
    .action((flags: { cluster?: string; limit?: number }) => list(cli, flags));
  operation
    .command('show')
    .description('Show the plan of an operation and how far each phase and step is.')
    .argument('[id]', newestByDefault)
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl operation show', 'sealctl operation show op-7f3k9q2m'))
    .action(async (id?: string) => showOperation(cli, id ?? (await newestOperation(cli))));
  operation
    .command('watch')
    .description('Follow an operation until it has finished. The exit code tells how it ended; Ctrl-C only ends the watching.')
    .argument('[id]', newestByDefault)
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl operation watch', 'sealctl operation watch op-7f3k9q2m -o json'))
    .action(async (id?: string) => {
      await followOperation(cli, await cli.connect(), id ?? (await newestOperation(cli)), { patientFromStart: false });
    });
  addOperationLogs(operation, cli);
  operation
    .command('cancel')
    .description('Stop an operation: no new step begins, running ones are ended. What was done stays.')
    .argument('<id>', 'id of the operation')
    .addHelpText('after', examples('sealctl operation cancel op-7f3k9q2m'))
    .action(async (id: string) => {
      await (await cli.connect()).operations.cancelOperation({ id });
      cli.note(`Operation ${id} is being cancelled; "sealctl operation watch ${id}" shows when it has ended.`);
    });
  policyFlags(operation.command('resume'))
    .description('Go on with a failed or cancelled operation; only what did not succeed is run again.')
    .argument('<id>', 'id of the operation')
    .option('--detach', 'do not follow it')
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl operation resume op-7f3k9q2m', 'sealctl operation resume op-7f3k9q2m --skip-node n3'))
    .action(async (id: string, flags: PolicyFlags & { detach?: boolean }) => {
      const client = await cli.connect();
      await client.operations.resumeOperation({ id, policy: readPolicy(flags) });
      if (flags.detach) return cli.note(`Operation ${id} goes on; "sealctl operation watch ${id}" follows it.`);
      await followOperation(cli, client, id);
    });
  addRollback(operation, cli);
}

async function list(cli: Cli, flags: { cluster?: string; limit?: number }): Promise<void> {
  const client = await cli.connect();
  const { operations } = await client.operations.listOperations({ cluster: flags.cluster ?? '', limit: flags.limit ?? 0 });
  const now = cli.io.clock.now();
  await printData(cli, operations, () =>
    operations.length === 0
      ? 'There is no operation.'
      : table(
          cli,
          ['operation', 'status', 'steps', 'started', 'took', 'by', 'what'],
          operations.map((operation) => [
            operation.id,
            operation.status,
            `${operation.stepsDone}/${operation.stepsTotal}`,
            sinceText(operation.createdAtMs, now),
            tookText(operation, now),
            operation.requestedBy,
            operation.waitingFor ? `${operation.summary} (waiting: ${operation.waitingFor})` : operation.summary,
          ]),
        ),
  );
}
