import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { sendToServer } from '../push-image.ts';
import { addRegistryFlags, interruptible, type RegistryFlags, readPlatform, registryOptions } from '../registry-flags.ts';
import { uploadMeter } from '../upload-meter.ts';
import { countText } from '../view/count-text.ts';
import { sizeText } from '../view/durations.ts';

interface PushFlags extends RegistryFlags {
  readonly remote?: boolean;
  readonly platform?: string;
  readonly store?: string;
}

/** `sealctl push IMAGE [DESTINATION]` */
export function addPush(program: Command, cli: Cli): void {
  const push = program
    .command('push')
    .summary('Send a ClusterImage to a registry, or to the server.')
    .description(
      'Send a ClusterImage of the local store to the registry that its name or DESTINATION names, or with --remote to the store of ' +
        'the server. Only what is missing there moves.',
    )
    .argument('<image>', 'name, digest, or at least 6 digits of the digest')
    .argument('[destination]', 'name in the registry, REGISTRY[:PORT]/NAME[:TAG] (default: the name of the image)')
    .option('--platform <platform>', 'only the image for linux/amd64 or linux/arm64 (default: all that the image has)')
    .option('--remote', 'send it to the server instead of a registry')
    .addOption(storeOption())
    .addOption(formatOption(cli));
  addRegistryFlags(push)
    .addHelpText(
      'after',
      examples(
        'sealctl push registry.example/kubernetes:1.20.2',
        'sealctl push kubernetes:1.20.2 localhost:5000/kubernetes:1.20.2 --insecure',
        'sealctl push kubernetes:1.20.2 --remote',
      ),
    )
    .action((image: string, destination: string | undefined, flags: PushFlags) => runPush(cli, image, destination, flags));
}

async function runPush(cli: Cli, image: string, destination: string | undefined, flags: PushFlags): Promise<void> {
  const arch = readPlatform(flags.platform);
  const store = await openLocalStore(cli, flags.store);
  if (flags.remote) {
    if (destination !== undefined) throw new Problem('USAGE', 'with --remote an image keeps its name: give no destination');
    const reference = await sendToServer(cli, await cli.connect(), store, image, arch);
    return printData(cli, { reference }, () => reference);
  }
  const { parseReference, pushImage } = await import('@seal/cluster-image');
  const { references } = await store.inspect(image, arch);
  const target = destination ?? nameIn(references, image, parseReference);
  if (parseReference(target).registry === 'localhost')
    throw new Problem('IMAGE_REFERENCE_INVALID', `"${target}" names no registry to push to`, {
      remedy: `Name one ("sealctl push ${image} REGISTRY[:PORT]/NAME[:TAG]"), or send the image to the server ("sealctl push ${image} --remote").`,
    });
  const meter = uploadMeter(cli, target, 'pushing');
  try {
    const pushed = await interruptible(cli, (signal) =>
      pushImage(store, image, {
        ...registryOptions(cli, flags, signal),
        destination: target,
        onProgress: meter.show,
        ...(arch === undefined ? {} : { arch }),
      }),
    );
    meter.clear();
    const sent =
      pushed.sentBlobs === 0
        ? 'no blob had to be sent'
        : `${sizeText(pushed.sentBytes)} in ${countText(pushed.sentBlobs, 'blob')}`;
    const mounted = pushed.mountedBlobs === 0 ? '' : `, ${pushed.mountedBlobs} taken from other repositories there`;
    const what = pushed.platforms.map(({ os, arch }) => `${os}/${arch}`).join(', ');
    cli.note(`pushed ${pushed.reference} (${what}): ${sent}${mounted}`);
    await printData(cli, pushed, () => pushed.digest);
  } finally {
    meter.clear();
  }
}

/** The name that was written; for a digest the first name of the image that has a registry. */
function nameIn(
  references: readonly string[],
  written: string,
  parse: (text: string) => { registry: string; text: string },
): string {
  if (!/^(sha256:)?[0-9a-f]{6,64}$/.test(written)) return parse(written).text;
  return references.find((name) => parse(name).registry !== 'localhost') ?? references[0] ?? written;
}
