import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckResult } from '@seal/cluster-image';
import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';
import { countText } from '../view/count-text.ts';
import { sizeText } from '../view/durations.ts';

/** `sealctl store check` */
export function addStore(program: Command, cli: Cli): void {
  const store = program.command('store').helpCommand(false).description('The local store of ClusterImages itself.');
  store
    .command('check')
    .summary('Read every blob of the store and say whether it is whole.')
    .description(
      'Read every blob of the local store and follow every image: bytes that do not fit their digest, blobs that an image needs and ' +
        'lacks, manifests that cannot be read. Changes nothing without --repair. Exit code 1 where an image is not whole.',
    )
    .option('--repair', 'delete the damaged blobs, so that the next pull, load or build brings them anew')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples('sealctl store check', 'sealctl store check --store /var/lib/seal/server/images     # on the server, as root'),
    )
    .action((flags: { repair?: boolean; store?: string }) => check(cli, flags));
}

async function check(cli: Cli, flags: { repair?: boolean; store?: string }): Promise<void> {
  // Opening a store makes it where there is none; a mistyped directory must not be found whole.
  if (flags.store !== undefined && !existsSync(join(flags.store, 'oci-layout')))
    throw new Problem('FILE_UNUSABLE', `there is no store of images at ${flags.store}: it has no oci-layout`);
  const store = await openLocalStore(cli, flags.store);
  let result: CheckResult = await store.check();
  let deleted: readonly { readonly digest: string; readonly sizeBytes: number }[] = [];
  if (flags.repair && result.findings.length > 0) {
    const { repairStore } = await import('@seal/cluster-image');
    deleted = await repairStore(store, result);
    result = await store.check();
  }
  const { findings, images, blobs, bytes, unreferencedBlobs } = result;
  await printData(cli, { ...result, deleted }, () =>
    [
      ...deleted.map(({ digest, sizeBytes }) => `deleted ${digest} (${sizeText(sizeBytes)}), whose bytes had another digest`),
      ...findings.map(({ kind, message }) => `${kind}: ${message}`),
    ].join('\n'),
  );
  const unneeded =
    unreferencedBlobs > 0 ? `; ${countText(unreferencedBlobs, 'blob')} that no image needs ("sealctl images prune")` : '';
  cli.note(`read ${countText(images, 'image')}, ${countText(blobs, 'blob')}, ${sizeText(bytes)}${unneeded}`);
  if (findings.length === 0) return;
  const suffering = [...new Set(findings.flatMap(({ image }) => image?.split(', ') ?? []))];
  throw new Problem(
    'IMAGE_STORE_DAMAGED',
    `the store ${store.directory} is not whole: ${countText(findings.length, 'finding')}${suffering.length > 0 ? `; images that suffer: ${suffering.join(', ')}` : ''}`,
    {
      remedy: flags.repair
        ? 'Pull, load or build these images again, or remove them with "sealctl rmi".'
        : 'Delete damaged blobs with "sealctl store check --repair", then pull, load or build these images again, or remove them.',
      details: { findings },
    },
  );
}
