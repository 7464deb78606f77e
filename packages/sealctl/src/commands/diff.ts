import type { ImageDiff } from '@seal/cluster-image';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { platformOption, readArch } from '../platform.ts';
import { printData } from '../print-data.ts';
import { cleanText } from '../view/clean-text.ts';
import { countText } from '../view/count-text.ts';
import { sizeText } from '../view/durations.ts';

/** `sealctl diff A B` */
export function addDiff(program: Command, cli: Cli): void {
  program
    .command('diff')
    .summary('Show what differs between two ClusterImages.')
    .description(
      'Show what differs between the rootfs of two ClusterImages of the local store: + only in the second, - only in the first, ~ in ' +
        'both and not alike; then layers, labels, environment and CMD. Owners and times do not count.',
    )
    .argument('<first>', 'name or digest')
    .argument('<second>', 'name or digest')
    .addOption(platformOption('that of this machine, else the first'))
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl diff kubernetes:1.20.2 kubernetes:1.20.3', 'sealctl diff a:1 b:1 -o json'))
    .action(async (first: string, second: string, flags: { platform?: string; store?: string }) => {
      const { diffImages } = await import('@seal/cluster-image');
      const arch = readArch(flags.platform);
      const store = await openLocalStore(cli, flags.store);
      const diff = await diffImages(store, await store.inspect(first, arch), await store.inspect(second, arch));
      await printData(cli, diff, () => diffLines(diff).join('\n'));
      const { added, removed, changed } = diff;
      cli.note(`${added.length} added, ${removed.length} removed, ${changed.length} changed`);
    });
}

function diffLines({ added, removed, changed, addedLayers, removedLayers, commonLayers, settings }: ImageDiff): string[] {
  // Names come from archives: what they hold must not move the cursor.
  const paths = [
    ...added.map(({ path, sizeBytes }) => [path, `+ ${cleanText(path)}  ${sizeText(sizeBytes)}`] as const),
    ...removed.map(({ path, sizeBytes }) => [path, `- ${cleanText(path)}  ${sizeText(sizeBytes)}`] as const),
    ...changed.map(({ path, what, before, after }) => {
      const sizes = before.sizeBytes === after.sizeBytes ? '' : `  ${sizeText(before.sizeBytes)} → ${sizeText(after.sizeBytes)}`;
      return [path, `~ ${cleanText(path)}${sizes}  (${what.join(', ')})`] as const;
    }),
  ];
  const layer = (sign: string) => (each: { digest: string; sizeBytes: number }) =>
    `${sign} layer ${each.digest.slice(7, 19)}  ${sizeText(each.sizeBytes)}`;
  return [
    ...paths.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line),
    ...addedLayers.map(layer('+')),
    ...removedLayers.map(layer('-')),
    ...(commonLayers > 0 ? [`= ${countText(commonLayers, 'layer')} that both have`] : []),
    ...settings.flatMap(({ name, before, after }) => [
      ...(before === undefined ? [] : [`- ${cleanText(`${name}=${before}`)}`]),
      ...(after === undefined ? [] : [`+ ${cleanText(`${name}=${after}`)}`]),
    ]),
  ];
}
