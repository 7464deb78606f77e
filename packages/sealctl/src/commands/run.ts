import type { Command } from 'commander';
import { changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags } from '../policy-flags.ts';
import { clusterFlags, type RunFlags } from '../read-cluster.ts';
import { runChange } from '../read-run.ts';

type Flags = RunFlags & PolicyFlags & { readonly force?: boolean; readonly detach?: boolean; readonly yes?: boolean };

/** `sealctl run IMAGE… -m … -n …`, `sealctl run APP-IMAGE…` and `sealctl run -f Clusterfile` */
export function addRun(program: Command, cli: Cli): void {
  policyFlags(clusterFlags(program.command('run')))
    .summary('Make a cluster from ClusterImages, or put apps into one.')
    .description(
      'With hosts: make a cluster of them from one ClusterImage, and put the apps and patches named beside it into it, in their order. ' +
        'Without hosts: put apps and patches into a cluster that exists. Sends the images to the server, then follows the operation; ' +
        'Ctrl-C only ends the following, the operation goes on.',
    )
    .option('--detach', 'print the id of the operation and do not follow it')
    .option('-y, --yes', 'do not ask, whatever the plan takes away')
    .addOption(eventFormatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12,10.0.0.13',
        'sealctl run kubernetes:1.20.2 helm:3.8 calico:3.24 -m 10.0.0.11 -n 10.0.0.12-10.0.0.20 --name demo -e PodCIDR=10.128.0.0/16',
        'sealctl run hello:1',
        'sealctl run mysql:8 --cluster demo -e Size=20Gi',
        'sealctl run -f Clusterfile',
      ),
    )
    .action(async (images: readonly string[], flags: Flags) => {
      const change = await runChange(cli, images, flags);
      await changeCluster(cli, await cli.connect(), change, flags);
    });
}
