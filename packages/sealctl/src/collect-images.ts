import type { BuildProgress, CollectOptions, ImagePuller } from '@seal/cluster-image';
import { type Command, Option } from 'commander';
import type { Cli } from './cli.ts';
import { collect } from './options.ts';
import { addRegistryFlags, type RegistryFlags, registryOptions } from './registry-flags.ts';
import { uploadMeter } from './upload-meter.ts';

/** The flags about the container images that a build collects. */
export interface CollectFlags extends RegistryFlags {
  readonly imageList?: readonly string[];
  readonly ignoredImageList?: readonly string[];
  readonly buildMode: 'all' | 'lite';
}

/** Adds `--image-list`, `--ignored-image-list`, `--build-mode` and the flags of registries. */
export function addCollectFlags(command: Command): Command {
  return addRegistryFlags(
    command
      .option(
        '--image-list <file>',
        'collect the container images of this file too, one a line; may be given several times',
        collect,
      )
      .option('--ignored-image-list <file>', 'collect none of the container images of this file, whoever names them', collect)
      .addOption(
        new Option('--build-mode <mode>', 'all: collect the container images that the image needs offline; lite: none')
          .choices(['all', 'lite'])
          .default('all'),
      ),
  );
}

/** What `buildImage` needs to pull base and container images, and how to show it; `images` is absent where none shall be collected. */
export function collecting(cli: Cli, flags: CollectFlags, show: (progress: BuildProgress) => void) {
  const meter = uploadMeter(cli, 'images', 'pulling');
  const transfers = new Map<string, { doneBytes: number; totalBytes: number; missingBytes: number }>();
  const sum = (part: 'doneBytes' | 'totalBytes' | 'missingBytes') =>
    [...transfers.values()].reduce((total, transfer) => total + transfer[part], 0);
  return {
    async sources(): Promise<{ readonly basePuller: ImagePuller; readonly images?: CollectOptions }> {
      const { createImagePuller } = await import('@seal/cluster-image');
      const puller = createImagePuller({
        ...registryOptions(cli, flags),
        onProgress: (reference, progress) => {
          transfers.set(reference, progress);
          meter.show({ doneBytes: sum('doneBytes'), totalBytes: sum('totalBytes'), missingBytes: sum('missingBytes') });
        },
      });
      if (flags.buildMode === 'lite') return { basePuller: puller };
      return { basePuller: puller, images: { puller, lists: flags.imageList ?? [], ignoredLists: flags.ignoredImageList ?? [] } };
    },
    onProgress(progress: BuildProgress): void {
      meter.clear();
      show(progress);
    },
    clear: meter.clear,
  };
}
