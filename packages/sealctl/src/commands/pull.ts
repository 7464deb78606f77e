import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { addRegistryFlags, interruptible, type RegistryFlags, readPlatforms, registryOptions } from '../registry-flags.ts';
import { uploadMeter } from '../upload-meter.ts';
import { sizeText } from '../view/durations.ts';

interface PullFlags extends RegistryFlags {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly name?: string;
  readonly store?: string;
}

/** `sealctl pull IMAGE` */
export function addPull(program: Command, cli: Cli): void {
  const pull = program
    .command('pull')
    .summary('Bring a ClusterImage of a registry into the local store.')
    .description(
      'Bring a ClusterImage of a registry into the local store. Only what is missing here moves; a pull that was cut goes on where ' +
        'it was. Mirrors and private authorities are set in /etc/seal/registries.yaml.',
    )
    .argument('<image>', 'REGISTRY[:PORT]/NAME[:TAG][@sha256:DIGEST]')
    .option('--platform <platforms>', 'linux/amd64, linux/arm64, or several with commas between (default: that of this machine)')
    .option('--all-platforms', 'every platform that the image has')
    .option('--name <name>', 'name in the local store (default: the name in the registry)')
    .addOption(storeOption())
    .addOption(formatOption(cli));
  addRegistryFlags(pull)
    .addHelpText(
      'after',
      examples(
        'sealctl pull registry.example/kubernetes:1.20.2',
        'sealctl pull registry.example/kubernetes:1.20.2 --all-platforms',
        'sealctl pull localhost:5000/app:1 --insecure --platform linux/arm64',
      ),
    )
    .action((image: string, flags: PullFlags) => runPull(cli, image, flags));
}

async function runPull(cli: Cli, image: string, flags: PullFlags): Promise<void> {
  const platforms = readPlatforms(flags);
  const store = await openLocalStore(cli, flags.store);
  const { pullImage } = await import('@seal/cluster-image');
  const meter = uploadMeter(cli, image, 'pulling');
  try {
    const pulled = await interruptible(cli, (signal) =>
      pullImage(store, image, {
        ...registryOptions(cli, flags, signal),
        onProgress: meter.show,
        platforms,
        ...(flags.name === undefined ? {} : { name: flags.name }),
      }),
    );
    meter.clear();
    const moved =
      pulled.movedBlobs === 0 ? 'everything was here' : `${sizeText(pulled.movedBytes)} in ${pulled.movedBlobs} blobs`;
    const what = pulled.platforms.map(({ os, arch }) => `${os}/${arch}`).join(', ');
    cli.note(`pulled ${pulled.reference} (${what}) from ${pulled.from}: ${moved}`);
    await printData(cli, pulled, () => pulled.digest);
  } finally {
    meter.clear();
  }
}
