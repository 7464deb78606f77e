import type { PruneResult } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption, parseSeconds } from '../options.ts';
import { printData, table } from '../print-data.ts';
import { countText } from '../view/count-text.ts';
import { sinceText, sizeText } from '../view/durations.ts';

interface PruneFlags {
  readonly dryRun?: boolean;
  readonly olderThan?: number;
  readonly buildCache?: boolean;
  readonly remote?: boolean;
  readonly store?: string;
}

/** `sealctl images prune` */
export function addPrune(images: Command, cli: Cli): void {
  images
    .command('prune')
    .summary('Remove what no image needs.')
    .description(
      'Remove what nobody needs: images without a name (a later one has it), blobs of no image, beginnings of downloads. Named images ' +
        'go only by age. What a build or pull works with now stays; on the server also what a cluster runs from, and blobs that came ' +
        'within a day.',
    )
    .option('--dry-run', 'only say what would go')
    .option('--older-than <time>', 'also named images that came into the store longer ago: 12h, 30d', parseSeconds)
    .option('--build-cache', 'also the records of the build cache: the next build makes every layer anew')
    .option('--remote', 'in the store of the server instead')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples('sealctl images prune --dry-run', 'sealctl images prune --older-than 30d', 'sealctl images prune --remote'),
    )
    .action((_flags: PruneFlags, command: Command) => prune(cli, command.optsWithGlobals<PruneFlags>()));
}

async function prune(cli: Cli, flags: PruneFlags): Promise<void> {
  const { dryRun = false, olderThan } = flags;
  const addedBeforeMs = olderThan === undefined ? undefined : cli.io.clock.now() - olderThan * 1000;
  const result = flags.remote ? await pruneRemote(cli, flags, addedBeforeMs) : await pruneLocal(cli, flags, addedBeforeMs);
  const { images, blobs, blobBytes, downloads, downloadBytes, freedBytes } = result;
  const would = dryRun ? 'would be ' : '';
  await printData(cli, { dryRun, ...result }, () =>
    images.length === 0
      ? ''
      : table(
          cli,
          ['image', 'digest', 'added'],
          images.map((image) => [
            image.reference || '<none>',
            image.digest.slice(7, 19),
            sinceText(image.addedAtMs, cli.io.clock.now()),
          ]),
        ),
  );
  const records =
    'cacheRecords' in result && result.cacheRecords > 0 ? `, ${countText(result.cacheRecords, 'record')} of the build cache` : '';
  cli.note(
    `${would}removed: ${countText(images.length, 'image')}, ${countText(blobs, 'blob')} (${sizeText(blobBytes)}), ` +
      `${countText(downloads, 'beginning of a download', 'beginnings of downloads')} (${sizeText(downloadBytes)})${records}; ${sizeText(freedBytes)} ${would}freed`,
  );
}

async function pruneLocal(cli: Cli, flags: PruneFlags, addedBeforeMs: number | undefined): Promise<PruneResult> {
  const { pruneStore } = await import('@seal/cluster-image');
  return pruneStore(await openLocalStore(cli, flags.store), {
    dryRun: flags.dryRun === true,
    buildCache: flags.buildCache === true,
    ...(addedBeforeMs === undefined ? {} : { addedBeforeMs }),
  });
}

async function pruneRemote(cli: Cli, { dryRun = false, buildCache, store }: PruneFlags, addedBeforeMs = 0) {
  if (buildCache || store !== undefined) {
    throw new Problem(
      'USAGE',
      `--remote is about the store of the server, ${buildCache ? '--build-cache' : '--store'} about one here`,
    );
  }
  const client = await cli.connect();
  return client.images.pruneImages({ dryRun, addedBeforeMs: Math.round(addedBeforeMs) }, { timeoutSeconds: 300 });
}
