import { readFile } from 'node:fs/promises';
import type { Cluster } from '@seal/clusterfile';
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
  readonly name?: string;
  readonly file?: string;
  readonly store?: string;
}

/** Adds the flags that say what cluster is wanted: those of `run` and of `plan run`. */
export function clusterFlags(command: Command): Command {
  return command
    .argument('[image]', 'ClusterImage to run; the Clusterfile may say it instead')
    .option('-m, --masters <hosts>', 'addresses of the masters: one, a comma separated list, or a range FIRST-LAST', collect)
    .option('-n, --nodes <hosts>', 'addresses of the workers, written like those of the masters', collect)
    .option('-e, --env <k=v>', 'environment of every script; may be given several times', collect)
    .option(
      '--cmds <line>',
      "shell line to run on the first master instead of the image's CMD; may be given several times",
      collect,
    )
    .option('--name <name>', 'name of the cluster (default: "default")')
    .option('-f, --file <clusterfile>', 'Clusterfile that says what is wanted; flags go before it')
    .addOption(storeOption());
}

/** The Cluster that flags, or a Clusterfile with flags beside it, ask for. Problems: USAGE, FILE_UNUSABLE, those of Clusterfiles. */
export async function readCluster(cli: Cli, image: string | undefined, flags: RunFlags): Promise<Cluster> {
  const { clusterFromFlags, mergeFlags, parseClusterfile } = await import('@seal/clusterfile');
  const asked = { ...flags, ...(image === undefined ? {} : { image }) };
  if (flags.file === undefined) return clusterFromFlags(asked);
  let text: string;
  try {
    text = await readFile(flags.file, 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNUSABLE', `cannot read the Clusterfile ${flags.file}: ${(cause as Error).message}`, { cause });
  }
  const { cluster, warnings } = parseClusterfile(text, flags.file);
  cli.note(...warnings);
  return mergeFlags(cluster, asked);
}
