import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { sizeText } from '../view/durations.ts';

/** `sealctl save` and `sealctl load` */
export function addImageFiles(program: Command, cli: Cli): void {
  program
    .command('save')
    .description('Write a ClusterImage to a tar file, to carry it elsewhere.')
    .argument('<image>', 'name or digest')
    .requiredOption('-o, --output <file>', 'file to write; replaced when it is there')
    .addOption(
      new Option('--format <format>', 'kind of archive').choices(['oci-archive', 'docker-archive']).default('oci-archive'),
    )
    .addOption(storeOption())
    .addHelpText('after', examples('sealctl save kubernetes:1.20.2 -o kubernetes.tar'))
    .action(async (name: string, flags: { output: string; format: 'oci-archive' | 'docker-archive'; store?: string }) => {
      const { sizeBytes } = await (await openLocalStore(cli, flags.store)).save(name, flags.output, flags.format);
      cli.note(`Wrote ${flags.output}, ${sizeText(sizeBytes)}.`);
    });
  program
    .command('load')
    .description('Take the ClusterImages of a tar file into the local store.')
    .requiredOption('-i, --input <file>', 'oci-archive or docker-archive, also compressed by gzip or zstd')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl load -i kubernetes.tar'))
    .action(async (flags: { input: string; store?: string }) => {
      const loaded = await (await openLocalStore(cli, flags.store)).load(flags.input);
      await printData(cli, loaded, () => loaded.map((image) => image.reference ?? image.digest).join('\n'));
    });
}
