import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { pullOnServer } from '../pull-on-server.ts';
import { addRegistryFlags, interruptible, type RegistryFlags, readPlatforms, registryOptions } from '../registry-flags.ts';
import { uploadMeter } from '../upload-meter.ts';
import { countText } from '../view/count-text.ts';
import { sizeText } from '../view/durations.ts';

interface PullFlags extends RegistryFlags {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly name?: string;
  readonly remote?: boolean;
  readonly store?: string;
}

/** `sealctl pull IMAGE` */
export function addPull(program: Command, cli: Cli): void {
  const pull = program
    .command('pull')
    .summary('Bring a ClusterImage of a registry into the local store, or into that of the server.')
    .description(
      'Bring a ClusterImage of a registry into the local store. Only what is missing here moves; a pull that was cut goes on where ' +
        'it was. Mirrors and private authorities are set in /etc/seal/registries.yaml. With --remote the server pulls, over its own ' +
        'network and with its registries.yaml; your credentials for the registry are handed over for that one pull.',
    )
    .argument('<image>', 'REGISTRY[:PORT]/NAME[:TAG][@sha256:DIGEST]')
    .option(
      '--platform <platforms>',
      'linux/amd64, linux/arm64, or several with commas between (default: that of this machine; with --remote those of the nodes)',
    )
    .option('--all-platforms', 'every platform that the image has')
    .option('--name <name>', 'name in the store (default: the name in the registry)')
    .option('--remote', 'into the store of the server, which pulls by itself')
    .addOption(storeOption())
    .addOption(formatOption(cli));
  addRegistryFlags(pull)
    .addHelpText(
      'after',
      examples(
        'sealctl pull registry.example/kubernetes:1.20.2',
        'sealctl pull registry.example/kubernetes:1.20.2 --all-platforms',
        'sealctl pull registry.example/kubernetes:1.20.2 --remote',
        'sealctl pull localhost:5000/app:1 --insecure --platform linux/arm64',
      ),
    )
    .action((image: string, flags: PullFlags) => runPull(cli, image, flags));
}

async function runPull(cli: Cli, image: string, flags: PullFlags): Promise<void> {
  const platforms = readPlatforms(flags);
  if (flags.remote) {
    const { name } = flags;
    const wanted = platforms === 'default' ? {} : { platforms };
    const pull = { reference: image, flags, ...wanted, ...(name === undefined ? {} : { name }) };
    const pulled = await pullOnServer(cli, await cli.connect(), pull);
    return printData(cli, pulled, () => pulled.image?.digest ?? '');
  }
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
      pulled.movedBlobs === 0
        ? 'everything was here'
        : `${sizeText(pulled.movedBytes)} in ${countText(pulled.movedBlobs, 'blob')}`;
    const what = pulled.platforms.map(({ os, arch }) => `${os}/${arch}`).join(', ');
    cli.note(`pulled ${pulled.reference} (${what}) from ${pulled.from}: ${moved}`);
    await printData(cli, pulled, () => pulled.digest);
  } finally {
    meter.clear();
  }
}
