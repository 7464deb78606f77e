import type { BuiltImage, ImageKind } from '@seal/cluster-image';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { addCollectFlags, type CollectFlags, collecting } from '../collect-images.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { collect, examples, formatOption } from '../options.ts';
import { type Arch, readArch } from '../platform.ts';
import { printData } from '../print-data.ts';
import { readPairs } from '../read-pairs.ts';
import { buildLines } from '../view/build-lines.ts';
import { durationText, sizeText } from '../view/durations.ts';

interface BuildFlags extends CollectFlags {
  readonly file?: string;
  readonly tag: string;
  readonly buildArg?: readonly string[];
  readonly platform?: string;
  readonly network?: string;
  readonly cache: boolean;
  readonly type?: ImageKind;
  readonly store?: string;
}

/** `sealctl build -t NAME CONTEXT` */
export function addBuild(program: Command, cli: Cli): void {
  const command = program
    .command('build')
    .summary('Build a ClusterImage from a Kubefile.')
    .description(
      'Build a ClusterImage from a Kubefile into the local store. What it does is told on stderr, the digest on stdout. ' +
        'Layers whose inputs did not change are not made anew. RUN needs root. The container images that imageList, manifests/, charts/ ' +
        'and apps name are pulled and laid into the image, so that its clusters need no other registry.',
    )
    .argument('<context>', 'directory that COPY and ADD see')
    .requiredOption('-t, --tag <name>', 'name of the image, NAME[:TAG]')
    .option('-f, --file <kubefile>', 'the Kubefile (default: Kubefile in the context)')
    .option('--build-arg <k=v>', 'value of an ARG; may be given several times', collect)
    .option(
      '--platform <platforms>',
      'linux/amd64, linux/arm64, or both with a comma for an index (default: that of FROM, else of this machine)',
    )
    .option('--no-cache', 'make every layer anew and fetch every URL again')
    .addOption(
      new Option('--type <type>', 'what the image is for (default: what its label, base image and files say)').choices([
        'kube-installer',
        'app-installer',
        'patch',
      ]),
    )
    .addOption(new Option('--network <mode>', 'none: RUN has no network').choices(['host', 'none']))
    .addOption(storeOption())
    .addOption(formatOption(cli));
  addCollectFlags(command)
    .addHelpText(
      'after',
      examples(
        'sealctl build -t kubernetes:1.20.2 examples/kubernetes',
        'sealctl build -t app:1 -f Kubefile.app --build-arg VERSION=1.4 --network=none .',
        'sealctl build -t kubernetes:1.20.2 --image-list more-images --ignored-image-list not-these .',
      ),
    )
    .action((context: string, flags: BuildFlags) => build(cli, context, flags));
}

async function build(cli: Cli, context: string, flags: BuildFlags): Promise<void> {
  const buildArgs = readPairs(flags.buildArg ?? [], '--build-arg');
  const archs = archsOf(flags.platform);
  const store = await openLocalStore(cli, flags.store);
  const { buildImage } = await import('@seal/cluster-image');
  const began = cli.io.clock.now();
  const collection = collecting(cli, flags, (progress) => cli.note(...buildLines(progress, cli.errorPaint)));
  const stop = new AbortController();
  const restore = cli.io.onInterrupt(() => stop.abort());
  try {
    const sources = await collection.sources();
    const built = await buildImage({
      context,
      store,
      reference: flags.tag,
      buildArgs,
      noNetwork: flags.network === 'none',
      signal: stop.signal,
      onProgress: collection.onProgress,
      ...sources,
      ...(flags.file === undefined ? {} : { kubefile: flags.file }),
      noCache: !flags.cache,
      archs,
      ...(flags.type === undefined ? {} : { kind: flags.type }),
    });
    cli.note(builtText(built, cli.io.clock.now() - began));
    await printData(cli, built, () => built.digest);
  } finally {
    collection.clear();
    restore();
  }
}

function archsOf(platforms: string | undefined): Arch[] {
  return [...new Set(platforms?.split(',').map((platform) => readArch(platform)))];
}

function builtText(built: BuiltImage, tookMs: number): string {
  const fresh = built.layers.filter((layer) => !layer.cached).length;
  const layers = `${built.layers.length} ${built.layers.length === 1 ? 'layer' : 'layers'}, ${fresh} made anew`;
  return `built ${built.reference} in ${durationText(tookMs)}: ${sizeText(built.sizeBytes)}, ${layers}`;
}
