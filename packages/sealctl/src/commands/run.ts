import type { Command } from 'commander';
import { changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { openLocalStore } from '../image-store.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { pushImage } from '../push-image.ts';
import { clusterFlags, type RunFlags, readCluster } from '../read-cluster.ts';

/** `sealctl run IMAGE -m … -n …` and `sealctl run -f Clusterfile` */
export function addRun(program: Command, cli: Cli): void {
  policyFlags(clusterFlags(program.command('run')))
    .summary('Make a cluster from a ClusterImage.')
    .description(
      'Make a cluster from a ClusterImage on hosts that run agents. Sends the image to the server, then follows the operation; ' +
        'Ctrl-C only ends the following, the operation goes on.',
    )
    .option('--detach', 'print the id of the operation and do not follow it')
    .option('-y, --yes', 'do not ask, whatever the plan takes away')
    .addOption(eventFormatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12,10.0.0.13',
        'sealctl run kubernetes:1.20.2 -m 10.0.0.11 -n 10.0.0.12-10.0.0.20 --name demo -e PodCIDR=10.128.0.0/16',
        'sealctl run -f Clusterfile',
      ),
    )
    .action(async (image: string | undefined, flags: RunFlags & PolicyFlags & { detach?: boolean; yes?: boolean }) => {
      const cluster = await readCluster(cli, image, flags);
      const client = await cli.connect();
      const reference = await pushImage(cli, client, await openLocalStore(cli, flags.store), cluster.image);
      const desired = { ...cluster, image: reference };
      const policy = readPolicy(flags);
      const change = (dryRun: boolean) =>
        client.clusters.run({ cluster: { ...desired }, dryRun, policy, save: false }, { timeoutSeconds: 60 });
      await changeCluster(cli, client, change, flags);
    });
}
