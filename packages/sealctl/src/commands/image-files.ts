import { Problem } from '@seal/foundation';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { platformOption, readArch } from '../platform.ts';
import { printData } from '../print-data.ts';
import { sizeText } from '../view/durations.ts';

interface SaveFlags {
  readonly output: string;
  readonly format: 'oci-archive' | 'docker-archive';
  readonly platform?: string;
  readonly store?: string;
}

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
    .addOption(platformOption('all; a docker-archive has one'))
    .addOption(storeOption())
    .addHelpText(
      'after',
      examples(
        'sealctl save kubernetes:1.20.2 -o kubernetes.tar',
        'sealctl save kubernetes:1.20.2 --format docker-archive --platform linux/amd64 -o kubernetes.tar',
      ),
    )
    .action(async (name: string, flags: SaveFlags) => {
      const arch = readArch(flags.platform);
      if (flags.output === '-')
        throw new Problem('USAGE', '--output "-" is no file; an image is written to a file, not to stdout');
      const { sizeBytes } = await (await openLocalStore(cli, flags.store)).save(name, flags.output, flags.format, arch);
      cli.note(`Wrote ${flags.output}, ${sizeText(sizeBytes)}.`);
    });
  program
    .command('load')
    .description('Take the ClusterImages of a tar file into the local store.')
    .requiredOption('-i, --input <file>', 'oci-archive or docker-archive, also compressed by gzip or zstd')
    .addOption(platformOption('all that the file has'))
    .option('--name <name>', 'name in the store, where the file has one image (default: the names that it has in the file)')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl load -i kubernetes.tar', 'sealctl load -i app.tar.gz --name app:1'))
    .action(async (flags: { input: string; platform?: string; name?: string; store?: string }) => {
      const arch = readArch(flags.platform);
      if (flags.input === '-') throw new Problem('USAGE', '--input "-" is no file; an image is read from a file, not from stdin');
      const loaded = await (await openLocalStore(cli, flags.store)).load(flags.input, {
        ...(arch ? { arch } : {}),
        ...(flags.name === undefined ? {} : { reference: flags.name }),
      });
      await printData(cli, loaded, () => loaded.map((image) => image.reference ?? image.digest).join('\n'));
    });
}
