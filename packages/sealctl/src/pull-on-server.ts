import { readFile } from 'node:fs/promises';
import { Problem } from '@seal/foundation';
import type { imageProto, SealClient } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { interruptible, type RegistryFlags, registryOptions } from './registry-flags.ts';
import { uploadMeter } from './upload-meter.ts';
import { countText } from './view/count-text.ts';
import { sizeText } from './view/durations.ts';

export interface PullOnServer {
  /** REGISTRY[:PORT]/NAME[:TAG] */
  readonly reference: string;
  readonly name?: string;
  /** Default: those of the enrolled nodes. */
  readonly platforms?: 'all' | readonly string[];
  readonly flags: RegistryFlags;
}

/**
 * Lets the server bring an image of a registry into its store, with progress on stderr and the credentials for that registry that this
 * user has; the server forgets them when it is done. Problems: those of the server and of the registry, CANCELLED.
 */
export async function pullOnServer(cli: Cli, client: SealClient, pull: PullOnServer): Promise<imageProto.PulledImage> {
  const { reference, name = '', platforms = [], flags } = pull;
  if (flags.certDir !== undefined)
    throw new Problem('USAGE', '--cert-dir is a directory here, and the server pulls with its own certificates', {
      remedy: `Put them into /etc/containers/certs.d/${reference.split('/')[0]}/ on the server, or pull here and push with --remote.`,
    });
  const meter = uploadMeter(cli, reference, 'server pulls');
  try {
    const access = await registryAccess(cli, reference, flags);
    const archs = platforms === 'all' ? [] : [...platforms];
    const { onWarning } = registryOptions(cli, flags);
    const pulled = await interruptible(cli, (signal) =>
      client.pullImage(
        { reference, name, archs, allPlatforms: platforms === 'all', access },
        { onProgress: meter.show, signal, ...(onWarning ? { onWarning } : {}) },
      ),
    );
    meter.clear();
    const moved =
      pulled.movedBlobs === 0
        ? 'everything was there'
        : `${sizeText(pulled.movedBytes)} in ${countText(pulled.movedBlobs, 'blob')}`;
    cli.note(
      `the server pulled ${pulled.image?.reference} (${platformText(pulled.image?.arch ?? '')}) from ${pulled.from}: ${moved}`,
    );
    return pulled;
  } finally {
    meter.clear();
  }
}

async function registryAccess(cli: Cli, reference: string, flags: RegistryFlags): Promise<imageProto.RegistryAccess> {
  const { findCredential, parseReference } = await import('@seal/cluster-image');
  const { registry, repository } = parseReference(reference);
  const options = registryOptions(cli, flags);
  const credential = await findCredential(registry, repository, options);
  return {
    username: credential?.username ?? '',
    password: credential?.password ?? '',
    identityToken: credential?.identityToken ?? '',
    caPem: flags.ca === undefined ? '' : await readCa(flags.ca),
    insecure: options.insecure === true,
  };
}

async function readCa(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw new Problem('REGISTRY_CONFIG_INVALID', `cannot read the certificates ${path}: ${cause.message}`, { cause });
  });
}

/** "linux/amd64, linux/arm64" of "amd64,arm64". */
function platformText(archs: string): string {
  return archs
    .split(',')
    .map((arch) => `linux/${arch}`)
    .join(', ');
}
