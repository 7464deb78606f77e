import { join } from 'node:path';
import type { ImageStore } from '@seal/cluster-image';
import { Option } from 'commander';
import type { Cli } from './cli.ts';

/** `--store DIR`: the local store of images. */
export function storeOption(): Option {
  return new Option(
    '--store <dir>',
    'store of images here (default: /var/lib/seal/images for root, else ~/.local/share/seal/images)',
  );
}

/** Opens the local store of images, making it where there is none. Problems: IMAGE_STORE_DAMAGED, DISK_FULL. */
export async function openLocalStore(cli: Cli, directory: string | undefined): Promise<ImageStore> {
  const { openStore } = await import('@seal/cluster-image');
  return openStore(directory ?? defaultDirectory(cli));
}

function defaultDirectory(cli: Cli): string {
  if (cli.io.uid === 0) return '/var/lib/seal/images';
  return join(cli.io.env.XDG_DATA_HOME || join(cli.io.home, '.local/share'), 'seal/images');
}
