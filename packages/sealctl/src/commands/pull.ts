import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { addRegistryFlags, interruptible, type RegistryFlags, readPlatform, registryOptions } from '../registry-flags.ts';
import { uploadMeter } from '../upload-meter.ts';
import { sizeText } from '../view/durations.ts';

interface PullFlags extends RegistryFlags {
  readonly platform?: string;
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
    .option('--platform <platform>', 'linux/amd64, linux/arm64 (default: that of this machine)')
    .option('--name <name>', 'name in the local store (default: the name in the registry)')
    .addOption(storeOption())
    .addOption(formatOption(cli));
  addRegistryFlags(pull)
    .addHelpText(
      'after',
      examples(
        'sealctl pull registry.example/kubernetes:1.20.2',
        'sealctl pull localhost:5000/app:1 --insecure --platform linux/arm64',
      ),
    )
    .action((image: string, flags: PullFlags) => runPull(cli, image, flags));
}

async function runPull(cli: Cli, image: string, flags: PullFlags): Promise<void> {
  const arch = readPlatform(flags.platform);
  const store = await openLocalStore(cli, flags.store);
  const { pullImage } = await import('@seal/cluster-image');
  const meter = uploadMeter(cli, image, 'pulling');
  try {
    const pulled = await interruptible(cli, (signal) =>
      pullImage(store, image, {
        ...registryOptions(cli, flags, signal),
        onProgress: meter.show,
        ...(arch === undefined ? {} : { arch }),
        ...(flags.name === undefined ? {} : { name: flags.name }),
      }),
    );
    meter.clear();
    const moved =
      pulled.movedBlobs === 0 ? 'everything was here' : `${sizeText(pulled.movedBytes)} in ${pulled.movedBlobs} blobs`;
    cli.note(`pulled ${pulled.reference} (linux/${pulled.arch}) from ${pulled.from}: ${moved}`);
    await printData(cli, pulled, () => pulled.digest);
  } finally {
    meter.clear();
  }
}
