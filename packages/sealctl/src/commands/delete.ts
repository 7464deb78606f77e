import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Command } from 'commander';
import { type Change, changeCluster } from '../change-cluster.ts';
import type { Cli } from '../cli.ts';
import { eventFormatOption, examples } from '../options.ts';
import { type PolicyFlags, policyFlags, readPolicy } from '../policy-flags.ts';
import { type HostFlags, hostFlags } from '../read-hosts.ts';
import { readMembers } from '../read-members.ts';

export interface DeleteFlags extends HostFlags, PolicyFlags {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly skipDrain?: boolean;
  /** Of `plan delete`: keep the plan. */
  readonly save?: boolean;
  readonly yes?: boolean;
  readonly detach?: boolean;
}

/** `sealctl delete -m … -n …` and `sealctl delete -a` */
export function addDelete(program: Command, cli: Cli): void {
  policyFlags(deleteFlags(program.command('delete')))
    .description('Take hosts out of a cluster and clean them, or remove a whole cluster. Shows what is taken away, and asks.')
    .option('-y, --yes', 'do not ask')
    .option('--detach', 'print the id of the operation and do not follow it')
    .addOption(eventFormatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl delete -n 10.0.0.13',
        'sealctl delete -n worker-3',
        'sealctl delete -m 10.0.0.12 --force',
        'sealctl delete -a',
        'sealctl delete -a --cluster demo --yes',
      ),
    )
    .action(async (flags: DeleteFlags) => {
      const request = await readDelete(flags);
      const client = await cli.connect();
      await changeCluster(cli, client, request(client), { ...flags, yes: flags.yes === true || flags.force === true });
    });
}

/** The flags that say what is deleted: those of `delete` and of `plan delete`. */
export function deleteFlags(command: Command): Command {
  return hostFlags(command, 'take out')
    .option('-a, --all', 'remove the whole cluster')
    .option('--force', 'go on where a drain fails or a host is gone; does not ask')
    .option('--skip-drain', 'do not move pods away first; recorded with the plan');
}

/** The call that flags ask for. Problems: USAGE, HOSTS_INVALID. */
export async function readDelete(flags: DeleteFlags): Promise<(client: SealClient) => Change> {
  const cluster = flags.cluster ?? '';
  const force = flags.force === true;
  const options = { timeoutSeconds: 60 };
  const policy = readPolicy(flags);
  const skipDrain = flags.skipDrain === true;
  if (flags.all) {
    if (flags.masters || flags.nodes)
      throw new Problem('USAGE', '-a removes the whole cluster; -m and -n have no place beside it');
    if (skipDrain) throw new Problem('USAGE', '-a drains no node; --skip-drain has no place beside it');
    return (client) => (dryRun) =>
      client.clusters.deleteCluster({ cluster, dryRun, force, policy, save: dryRun && flags.save === true }, options);
  }
  if (!flags.masters && !flags.nodes)
    throw new Problem('USAGE', 'nothing is named that could be deleted', {
      remedy: 'Name hosts with -m and -n ("sealctl delete -n 10.0.0.13"), or the whole cluster with -a.',
    });
  const nodes = await readMembers(flags);
  return (client) => (dryRun) => {
    const save = dryRun && flags.save === true;
    return client.clusters.deleteNodes({ cluster, nodes, dryRun, force, skipDrain, policy, save }, options);
  };
}
