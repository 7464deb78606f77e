import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openLocalStore, storeOption } from '../image-store.ts';
import { examples, formatOption } from '../options.ts';
import { platformOption } from '../platform.ts';
import { printData, table } from '../print-data.ts';
import { sinceText, sizeText } from '../view/durations.ts';
import { addDiff } from './diff.ts';
import { addImageFiles } from './image-files.ts';
import { inspectImage } from './inspect.ts';
import { addMerge } from './merge.ts';
import { addPrune } from './prune.ts';
import { addStore } from './store.ts';

interface StoreFlags {
  readonly store?: string;
  readonly remote?: boolean;
}

/** `sealctl images [prune]|inspect|diff|rmi|tag|merge|save|load|store` */
export function addImages(program: Command, cli: Cli): void {
  const images = program
    .command('images')
    .helpCommand(false)
    .description('Show the ClusterImages of the local store, or those of the server.')
    .option('--remote', 'those that the server has')
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl images', 'sealctl images --remote -o json'))
    .action((flags: StoreFlags) => (flags.remote ? listRemote(cli) : listLocal(cli, flags.store)));
  addPrune(images, cli);
  program
    .command('inspect')
    .description('Show all about one ClusterImage: names, labels, environment, layers.')
    .argument('<image>', 'name, digest, or at least 6 digits of the digest')
    .addOption(platformOption('that of this machine, else the first'))
    .addOption(storeOption())
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl inspect kubernetes:1.20.2', 'sealctl inspect kubernetes:1.20.2 -o json'))
    .action((name: string, flags: StoreFlags & { platform?: string }) => inspectImage(cli, name, flags));
  program
    .command('rmi')
    .description('Remove ClusterImages from the local store, or from the server.')
    .argument('<image...>', 'names or digests')
    .option('--remote', 'remove them from the server instead')
    .addOption(storeOption())
    .addHelpText('after', examples('sealctl rmi kubernetes:1.20.2', 'sealctl rmi --remote kubernetes:1.20.2'))
    .action((names: readonly string[], flags: StoreFlags) => remove(cli, names, flags));
  program
    .command('tag')
    .description('Give a ClusterImage further names.')
    .argument('<image>', 'name or digest')
    .argument('<name...>', 'new names, NAME[:TAG]')
    .addOption(storeOption())
    .addHelpText('after', examples('sealctl tag kubernetes:1.20.2 registry.example/kubernetes:1.20.2'))
    .action(async (name: string, references: readonly string[], flags: StoreFlags) => {
      const store = await openLocalStore(cli, flags.store);
      // By its digest: the first of the new names may be the one that was written.
      const { digest } = await store.resolve(name);
      const { namedReference } = await import('@seal/cluster-image');
      for (const reference of references) namedReference(reference); // all of them, before the first is given
      for (const reference of references) {
        await store.tag(digest, reference);
        cli.note(`${name} is ${reference} too.`);
      }
    });
  addDiff(program, cli);
  addMerge(program, cli);
  addImageFiles(program, cli);
  addStore(program, cli);
}

async function listLocal(cli: Cli, directory: string | undefined): Promise<void> {
  const images = await (await openLocalStore(cli, directory)).list();
  const now = cli.io.clock.now();
  for (const { reference, digest, damage } of images)
    if (damage !== undefined) cli.note(`${reference ?? digest} is damaged: ${damage}. See "sealctl store check".`);
  await printData(cli, images, () =>
    images.length === 0
      ? 'There is no image here. Make one with "sealctl build -t NAME CONTEXT".'
      : table(
          cli,
          ['image', 'digest', 'arch', 'size', 'added'],
          images.map((image) => [
            image.reference ?? '<none>',
            image.digest.slice(7, 19),
            image.damage === undefined ? image.arch : 'damaged',
            sizeText(image.sizeBytes),
            sinceText(image.addedAtMs, now),
          ]),
        ),
  );
}

async function listRemote(cli: Cli): Promise<void> {
  const { images } = await (await cli.connect()).images.listImages({});
  const now = cli.io.clock.now();
  await printData(cli, images, () =>
    images.length === 0
      ? 'The server has no image. "sealctl run" sends what it needs.'
      : table(
          cli,
          ['image', 'digest', 'arch', 'size', 'runtime', 'sent'],
          images.map((image) => [
            image.reference || '<none>',
            image.digest.slice(7, 19),
            image.arch || 'damaged',
            sizeText(image.sizeBytes),
            `${image.runtime} ${image.runtimeVersion}`.trim(),
            sinceText(image.createdAtMs, now),
          ]),
        ),
  );
}

async function remove(cli: Cli, names: readonly string[], flags: StoreFlags): Promise<void> {
  if (flags.remote) {
    const client = await cli.connect();
    for (const reference of names) {
      await client.images.removeImage({ reference });
      cli.note(`Removed ${reference} from the server.`);
    }
    return;
  }
  const store = await openLocalStore(cli, flags.store);
  for (const name of names) {
    const { freedBytes } = await store.remove(name);
    cli.note(`Removed ${name}; ${sizeText(freedBytes)} are free again.`);
  }
}
