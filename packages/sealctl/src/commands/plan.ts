import type { Command } from 'commander';
import { planOf } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { openLocalStore } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { pushImage } from '../push-image.ts';
import { clusterFlags, type RunFlags, readCluster } from '../read-cluster.ts';
import { type HostFlags, hostFlags, readHosts } from '../read-hosts.ts';
import { planLines } from '../view/plan-lines.ts';
import { type DeleteFlags, deleteFlags, readDelete } from './delete.ts';

/** `sealctl plan run|scale-up|delete …` */
export function addPlan(program: Command, cli: Cli): void {
  const plan = program
    .command('plan')
    .helpCommand(false)
    .description('Show what a command would do, step by step. No node is touched.');
  clusterFlags(plan.command('run'))
    .description('Show the plan of "sealctl run". An image that the server lacks is sent to it; nothing else happens.')
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples('sealctl plan run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12', 'sealctl plan run -f Clusterfile -o json'),
    )
    .action(async (image: string | undefined, flags: RunFlags) => {
      const cluster = await readCluster(cli, image, flags);
      const client = await cli.connect();
      const reference = await pushImage(cli, client, await openLocalStore(cli, flags.store), cluster.image);
      await show(cli, client.clusters.run({ cluster: { ...cluster, image: reference }, dryRun: true }, { timeoutSeconds: 60 }));
    });
  hostFlags(plan.command('scale-up'), 'join')
    .description('Show the plan of "sealctl scale-up".')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl plan scale-up -n 10.0.0.14'))
    .action(async (flags: HostFlags) => {
      const hosts = await readHosts(flags);
      const client = await cli.connect();
      await show(cli, client.clusters.scaleUp({ cluster: flags.cluster ?? '', ...hosts, dryRun: true }, { timeoutSeconds: 60 }));
    });
  deleteFlags(plan.command('delete'))
    .description('Show the plan of "sealctl delete".')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl plan delete -n 10.0.0.13', 'sealctl plan delete -a'))
    .action(async (flags: DeleteFlags) => {
      const request = await readDelete(flags);
      await show(cli, request(await cli.connect())(true));
    });
}

async function show(cli: Cli, reply: Parameters<typeof planOf>[0] | Promise<Parameters<typeof planOf>[0]>): Promise<void> {
  const plan = await planOf(await reply);
  await printData(cli, plan, () => planLines(plan).join('\n'));
}
