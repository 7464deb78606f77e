import type { clusterProto } from '@seal/protocol';
import type { Command } from 'commander';
import { planOf } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { clusterFlags, type RunFlags } from '../read-cluster.ts';
import { type HostFlags, hostFlags, readHosts } from '../read-hosts.ts';
import { runChange } from '../read-run.ts';
import { clockText } from '../view/durations.ts';
import { planLines } from '../view/plan-lines.ts';
import { type UninstallFlags, uninstallChange, uninstallFlags } from './app.ts';
import { type DeleteFlags, deleteFlags, readDelete } from './delete.ts';

/** `sealctl plan run|uninstall|scale-up|delete …` */
export function addPlan(program: Command, cli: Cli): void {
  const plan = program
    .command('plan')
    .helpCommand(false)
    .description('Show what a command would do, step by step. No node is touched.');
  saveFlag(clusterFlags(plan.command('run')))
    .description('Show the plan of "sealctl run". An image that the server lacks is sent to it; nothing else happens.')
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl plan run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12',
        'sealctl plan run hello:1 --cluster demo',
        'sealctl plan run -f Clusterfile -o json',
      ),
    )
    .action(async (images: readonly string[], flags: RunFlags & SaveFlags & { force?: boolean }) =>
      show(cli, (await runChange(cli, images, flags))(true)),
    );
  saveFlag(uninstallFlags(plan.command('uninstall')))
    .description('Show the plan of "sealctl app uninstall".')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl plan uninstall hello'))
    .action(async (name: string, flags: UninstallFlags & SaveFlags) =>
      show(cli, (await uninstallChange(cli, name, flags))(true)),
    );
  saveFlag(hostFlags(plan.command('scale-up'), 'join'))
    .description('Show the plan of "sealctl scale-up".')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl plan scale-up -n 10.0.0.14'))
    .action(async (flags: HostFlags & SaveFlags) => {
      const hosts = await readHosts(flags);
      const client = await cli.connect();
      const request = { cluster: flags.cluster ?? '', ...hosts, dryRun: true, policy: undefined, save: flags.save === true };
      await show(cli, client.clusters.scaleUp(request, { timeoutSeconds: 60 }));
    });
  saveFlag(deleteFlags(plan.command('delete')))
    .description('Show the plan of "sealctl delete".')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl plan delete -n 10.0.0.13', 'sealctl plan delete -a'))
    .action(async (flags: DeleteFlags) => {
      const request = await readDelete(flags);
      await show(cli, request(await cli.connect())(true));
    });
}

interface SaveFlags {
  readonly save?: boolean;
}

function saveFlag(command: Command): Command {
  return command.option('--save', 'keep the plan on the server for an hour: "sealctl apply --plan ID" runs exactly this one');
}

async function show(cli: Cli, asked: Promise<clusterProto.ChangeReply>): Promise<void> {
  const reply = await asked;
  const plan = await planOf(reply);
  await printData(cli, plan, () => planLines(plan).join('\n'));
  if (reply.savedUntilMs > 0)
    cli.note(`Saved until ${clockText(reply.savedUntilMs)}. Run it with "sealctl apply --plan ${plan.id}".`);
}
