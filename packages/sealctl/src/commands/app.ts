import type { Command } from 'commander';
import { type Change, changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { eventFormatOption, examples, formatOption } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { printData, table } from '../print-data.ts';
import { sinceText } from '../view/durations.ts';

export interface UninstallFlags extends PolicyFlags {
  readonly cluster?: string;
  readonly force?: boolean;
  /** Of `plan uninstall`: keep the plan. */
  readonly save?: boolean;
}

/** `sealctl app list|uninstall` */
export function addApp(program: Command, cli: Cli): void {
  const app = program
    .command('app')
    .helpCommand(false)
    .description('Apps and patches of clusters ("sealctl run IMAGE" puts them there).');
  app
    .command('list')
    .description('Show the apps and patches of one cluster or of all.')
    .option('--cluster <name>', 'only of this cluster')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl app list', "sealctl app list --cluster demo -o json | jq -r '.[].name'"))
    .action((flags: { cluster?: string }) => list(cli, flags.cluster ?? ''));
  policyFlags(uninstallFlags(app.command('uninstall')))
    .summary('Take an app or a patch out of a cluster.')
    .description(
      'Take back what the launch of an app made (helm uninstall, kubectl delete, the uninstall.sh of its image), then remove its image; ' +
        'or take a patch off the rootfs of every node. Shows what is taken away, and asks.',
    )
    .option('-y, --yes', 'do not ask')
    .option('--detach', 'print the id of the operation and do not follow it')
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl app uninstall hello', 'sealctl app uninstall mysql --cluster demo --yes'))
    .action(async (name: string, flags: UninstallFlags & { yes?: boolean; detach?: boolean }) => {
      await changeCluster(cli, await cli.connect(), await uninstallChange(cli, name, flags), flags);
    });
}

/** The argument and flags that say what is uninstalled: those of `app uninstall` and of `plan uninstall`. */
export function uninstallFlags(command: Command): Command {
  return command
    .argument('<name>', 'name of the app or patch ("sealctl app list")')
    .option('--cluster <name>', 'cluster it is in, where there are several')
    .option('--force', 'forget the app also where nothing takes back what it made');
}

/** The call that takes an app or a patch away. */
export async function uninstallChange(cli: Cli, name: string, flags: UninstallFlags): Promise<Change> {
  const client = await cli.connect();
  const common = { cluster: flags.cluster ?? '', name, force: flags.force === true, policy: readPolicy(flags) };
  return (dryRun) =>
    client.clusters.uninstallApp({ ...common, dryRun, save: dryRun && flags.save === true }, { timeoutSeconds: 60 });
}

async function list(cli: Cli, cluster: string): Promise<void> {
  const client = await cli.connect();
  const { apps } = await client.clusters.listApps({ cluster });
  await printData(cli, apps, async () => {
    if (apps.length === 0)
      return `There is no app${cluster === '' ? '' : ` in cluster ${cluster}`}. Run one with "sealctl run IMAGE".`;
    const now = cli.io.clock.now();
    return table(
      cli,
      ['name', 'kind', 'image', 'cluster', 'state', 'since'],
      apps.map((app) => [app.name, app.kind, app.image, app.cluster, app.state, sinceText(app.sinceMs, now)]),
    );
  });
}
