import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples, parseSeconds } from '../options.ts';
import { writePrivate } from '../write-private.ts';

/** `sealctl kubeconfig [CLUSTER] [--ttl TIME] [-o FILE]` */
export function addKubeconfig(program: Command, cli: Cli): void {
  program
    .command('kubeconfig')
    .description("Issue an admin kubeconfig from the cluster's CA, to stdout or a file (0600).")
    .argument('[cluster]', 'name of the cluster (default: the only one)', '')
    .option('--ttl <time>', 'how long it is valid, in whole hours, at most 365d (default: 12h)', parseSeconds)
    .option('-o, --output <file>', 'write it to this file instead')
    .addHelpText('after', examples('sealctl kubeconfig -o ~/.kube/config', 'sealctl kubeconfig demo --ttl 1h > demo.kubeconfig'))
    .action(async (cluster: string, flags: { ttl?: number; output?: string }) => {
      const ttl = flags.ttl ?? 0;
      if (ttl % 3600 !== 0) throw new Problem('USAGE', `--ttl is ${ttl} s, which is not a whole number of hours`);
      if (flags.output !== undefined && ['json', 'yaml', 'table'].includes(flags.output))
        throw new Problem('USAGE', `-o names a file here, and "${flags.output}" is a format; a kubeconfig is always YAML`, {
          remedy: `Leave -o away to print it, or write -o ./${flags.output} if the file is to be called so.`,
        });
      const client = await cli.connect();
      const { kubeconfig } = await client.clusters.getKubeconfig({ cluster, ttlHours: ttl / 3600 });
      if (flags.output === undefined) return void cli.io.stdout.write(kubeconfig);
      await writePrivate(flags.output, kubeconfig);
      cli.note(`Wrote ${flags.output}. Use it with "kubectl --kubeconfig ${flags.output} get nodes".`);
    });
}
