import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { readPlatforms } from '../registry-flags.ts';
import { countText } from '../view/count-text.ts';

interface MergeFlags {
  readonly tag: string;
  readonly platform?: string;
  readonly store?: string;
}

/** `sealctl merge IMAGE IMAGE… -t NEW` */
export function addMerge(program: Command, cli: Cli): void {
  program
    .command('merge')
    .summary('Make one ClusterImage of several.')
    .description(
      'Make one ClusterImage of several of the local store: that which makes a cluster below, the others over it in their order. Of ' +
        'labels and environment the later one counts, CMD and LAUNCH follow each other. No layer is copied.',
    )
    .argument('<image...>', 'two or more names or digests')
    .requiredOption('-t, --tag <name>', 'name of the new image, NAME[:TAG]')
    .option('--platform <platforms>', 'linux/amd64, linux/arm64, or both with a comma between (default: what all of them have)')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl merge kubernetes:1.20.2 mysql:5.7 redis:6.0 -t shop:1'))
    .action(async (names: readonly string[], flags: MergeFlags) => {
      const { mergeImages } = await import('@seal/cluster-image');
      const platforms = readPlatforms(flags);
      const archs = platforms === 'default' || platforms === 'all' ? {} : { archs: platforms };
      const merged = await mergeImages(await openLocalStore(cli, flags.store), names, flags.tag, archs);
      const what = merged.platforms.map(({ arch, layers }) => `linux/${arch}: ${countText(layers, 'layer')}`).join(', ');
      cli.note(`merged ${merged.order.join(', ')} into ${merged.reference} (${what})`);
      await printData(cli, merged, () => merged.digest);
    });
}
