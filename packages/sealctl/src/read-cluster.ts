import { readFile as readText } from 'node:fs/promises';
import type { Cluster, ParsedClusterfile } from '@seal/clusterfile';
import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { storeOption } from './image-store.ts';
import { collect } from './options.ts';

/** Flags that say what cluster is wanted. */
export interface RunFlags {
  readonly masters?: readonly string[];
  readonly nodes?: readonly string[];
  readonly env?: readonly string[];
  readonly cmds?: readonly string[];
  readonly apps?: readonly string[];
  readonly name?: string;
  readonly cluster?: string;
  readonly file?: string;
  readonly store?: string;
}

/** Adds the flags that say what is wanted: those of `run` and of `plan run`. */
export function clusterFlags(command: Command): Command {
  return command
    .argument('[images...]', 'one ClusterImage that makes a cluster, and apps and patches; the Clusterfile may say them instead')
    .option('-m, --masters <hosts>', 'addresses of the masters: one, a comma separated list, or a range FIRST-LAST', collect)
    .option('-n, --nodes <hosts>', 'addresses of the workers, written like those of the masters', collect)
    .option('-e, --env <k=v>', 'environment of every script; may be given several times', collect)
    .option(
      '--cmds <line>',
      'shell line to run on the first master instead of CMD and LAUNCH of every image; may be given several times',
      collect,
    )
    .option('--apps <names>', 'apps to launch, in this order, instead of those that the images launch', collect)
    .option('--name <name>', 'name of the cluster that is made (default: "default")')
    .option('--cluster <name>', 'cluster to put apps and patches into, where there are several')
    .option('--force', 'put apps and patches also over those of their name that are there already')
    .option('-f, --file <clusterfile>', 'Clusterfile that says what is wanted; flags go before it')
    .addOption(storeOption());
}

/** The Cluster that flags, or a Clusterfile with flags beside it, ask for. Problems: USAGE, FILE_UNUSABLE, those of Clusterfiles. */
export async function readCluster(
  cli: Cli,
  image: string | undefined,
  flags: RunFlags & { readonly images?: readonly string[] },
  parsed?: ParsedClusterfile,
): Promise<Cluster> {
  const { clusterFromFlags, mergeFlags } = await import('@seal/clusterfile');
  const asked = { ...flags, ...(image === undefined ? {} : { image }) };
  const file = parsed ?? (flags.file === undefined ? undefined : await readFile(cli, flags.file));
  const cluster = file ? mergeFlags(file.cluster, asked) : clusterFromFlags(asked);
  return flags.apps ? { ...cluster, launchApps: flags.apps.flatMap((names) => names.split(',')) } : cluster;
}

/** A Clusterfile, read; what has no effect in it is told. Problems: FILE_UNUSABLE, CLUSTERFILE_INVALID. */
export async function readFile(cli: Cli, path: string): Promise<ParsedClusterfile> {
  const { parseClusterfile } = await import('@seal/clusterfile');
  let text: string;
  try {
    text = await readText(path, 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNUSABLE', `cannot read the Clusterfile ${path}: ${(cause as Error).message}`, { cause });
  }
  const parsed = parseClusterfile(text, path);
  cli.note(...parsed.warnings);
  return parsed;
}
