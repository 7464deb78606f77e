import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Command } from 'commander';
import { followChange, planOf } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { pushImage } from '../push-image.ts';
import { type RunFlags, readCluster } from '../read-cluster.ts';
import { planOutline } from '../view/plan-lines.ts';

interface ApplyFlags extends PolicyFlags {
  readonly file?: string;
  readonly plan?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly detach?: boolean;
  readonly store?: string;
}

/** `sealctl apply -f Clusterfile` and `sealctl apply --plan ID` */
export function addApply(program: Command, cli: Cli): void {
  policyFlags(program.command('apply'))
    .summary('Make a cluster what a Clusterfile says, or run a saved plan.')
    .description(
      'With -f: compares the Clusterfile with the cluster, shows what differs, asks, and makes, extends or shrinks the cluster until nothing ' +
        'differs. With --plan: runs a plan that "sealctl plan ... --save" kept, exactly that one, or says why it no longer holds.',
    )
    .option('-f, --file <clusterfile>', 'Clusterfile that says what is wanted')
    .option('--plan <id>', 'id of a saved plan')
    .option('--force', 'where hosts are removed: go on where a drain fails or a host is gone')
    .option('-y, --yes', 'do not ask')
    .option('--detach', 'print the id of the operation and do not follow it (nor begin a second one)')
    .addOption(storeOption())
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl apply -f Clusterfile', 'sealctl apply --plan plan-7f3k9q2m'))
    .action(async (flags: ApplyFlags) => {
      if ((flags.file === undefined) === (flags.plan === undefined))
        throw new Problem('USAGE', 'either a Clusterfile (-f) or a saved plan (--plan) is to be named');
      const client = await cli.connect();
      if (flags.plan === undefined) return applyFile(cli, client, flags);
      const { operation } = await client.clusters.applyPlan(
        { planId: flags.plan, policy: readPolicy(flags) },
        { timeoutSeconds: 60 },
      );
      await followChange(cli, client, operation, flags);
    });
}

/** Each round is one operation: hosts are added first, then images, then other hosts are removed. */
async function applyFile(cli: Cli, client: SealClient, flags: ApplyFlags): Promise<void> {
  const cluster = await readCluster(cli, undefined, { file: flags.file } as RunFlags);
  const store = await openLocalStore(cli, flags.store);
  const { images: named = [], ...rest } = cluster;
  const image = await pushImage(cli, client, store, cluster.image);
  const images: string[] = [];
  for (const name of named) images.push(await pushImage(cli, client, store, name));
  const asked = { ...rest, image, ...(images.length > 0 ? { images } : {}) };
  const request = { cluster: asked, policy: readPolicy(flags), force: flags.force === true };
  for (let round = 1; ; round += 1) {
    const { plan, differences } = await client.clusters.apply({ ...request, dryRun: true }, { timeoutSeconds: 60 });
    if (!plan)
      return cli.note(
        round === 1
          ? `Nothing to do: cluster ${cluster.name} is as ${flags.file} says.`
          : `Cluster ${cluster.name} is as ${flags.file} says.`,
      );
    const checked = await planOf({ plan });
    cli.io.stderr.write(`${[...differences, ...planOutline(checked, cli.errorPaint)].join('\n')}\n`);
    await confirm(cli, `${checked.summary}: go on?`, flags.yes === true);
    const { operation } = await client.clusters.apply({ ...request, dryRun: false }, { timeoutSeconds: 60 });
    // Somebody else may have done it meanwhile.
    if (operation === '') continue;
    await followChange(cli, client, operation, flags);
    if (flags.detach) return;
  }
}
