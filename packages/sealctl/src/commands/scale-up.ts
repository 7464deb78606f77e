import type { Command } from 'commander';
import { changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { type HostFlags, hostFlags, readHosts } from '../read-hosts.ts';

/** `sealctl scale-up -m … -n …` */
export function addScaleUp(program: Command, cli: Cli): void {
  policyFlags(hostFlags(program.command('scale-up'), 'join'))
    .description('Join more hosts to a cluster.')
    .option('--detach', 'print the id of the operation and do not follow it')
    .option('-y, --yes', 'do not ask, whatever the plan takes away')
    .addOption(eventFormatOption(cli))
    .addHelpText(
      'after',
      examples('sealctl scale-up -n 10.0.0.14', 'sealctl scale-up --cluster demo -m 10.0.0.15-10.0.0.16 -n 10.0.0.17'),
    )
    .action(async (flags: HostFlags & PolicyFlags & { detach?: boolean; yes?: boolean }) => {
      const hosts = await readHosts(flags);
      const client = await cli.connect();
      const policy = readPolicy(flags);
      const change = (dryRun: boolean) =>
        client.clusters.scaleUp({ cluster: flags.cluster ?? '', ...hosts, dryRun, policy, save: false }, { timeoutSeconds: 60 });
      await changeCluster(cli, client, change, flags);
    });
}
