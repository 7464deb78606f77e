import { Problem } from '@seal/foundation';
import { type ImageApp, type ImageKind, readExtension } from '../store/image-extension.ts';
import type { ImageStore, InspectedImage } from '../store/image-store.ts';
import { readInventory } from './read-inventory.ts';

/** A ClusterImage as a planner needs it. */
export interface ImageFacts {
  readonly reference: string;
  /** Digest of the manifest. */
  readonly digest: string;
  readonly arch: 'amd64' | 'arm64';
  /** Lowest first. */
  readonly layers: readonly { readonly digest: string; readonly mediaType: string; readonly sizeBytes: number }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** CMD / CMDS of the Kubefile: shell lines. Of images of other builders those of the entrypoint come first. */
  readonly cmds: readonly string[];
  /** What the image is for; where it does not say, what its files look like. */
  readonly kind: ImageKind;
  readonly apps: readonly ImageApp[];
  /** LAUNCH: names of `apps`, in this order. */
  readonly launch: readonly string[];
  /** Every regular file and link of the rootfs, relative, sorted. */
  readonly paths: readonly string[];
  /** Text of the small files that a planner reads. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads manifest, config and inventory of an image; of an index for `arch` (default: this machine's, else the first). Throws
 * IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, and what readInventory throws.
 */
export async function readImageFacts(store: ImageStore, name: string, arch?: string): Promise<ImageFacts> {
  return factsOf(store, await store.inspect(name, arch));
}

/** As readImageFacts, for every platform of a manifest or index that may have no name yet. */
export async function readAllImageFacts(store: ImageStore, digest: string): Promise<ImageFacts[]> {
  const facts: ImageFacts[] = [];
  for (const image of await store.inspectPlatforms(digest)) facts.push(await factsOf(store, image));
  return facts;
}

async function factsOf(store: ImageStore, image: InspectedImage): Promise<ImageFacts> {
  const { reference, digest, arch, manifest, config, labels } = image;
  if (arch !== 'amd64' && arch !== 'arm64')
    throw new Problem(
      'IMAGE_ARCH_MISMATCH',
      `image ${reference ?? digest} is for the architecture "${arch}"; Seal knows amd64 and arm64`,
    );
  const extension = readExtension(manifest, config);
  const { paths, files } = await readInventory(store, manifest);
  return {
    reference: reference ?? digest,
    digest,
    arch,
    layers: manifest.layers.map((layer) => ({ digest: layer.digest, mediaType: layer.mediaType, sizeBytes: layer.size })),
    labels,
    env: Object.fromEntries((config.config?.Env ?? []).map(splitPair)),
    cmds: [...shellLines(config.config?.Entrypoint ?? []), ...shellLines(config.config?.Cmd ?? extension.cmds)],
    kind: extension.kind ?? (paths.some(isOfRootfs) ? 'kube-installer' : 'app-installer'),
    apps: extension.apps,
    launch: extension.launch,
    paths,
    files,
  };
}

/** An image that does not say what it is for is an app, as for sealos, unless it holds what makes a cluster. */
function isOfRootfs(path: string): boolean {
  return path === 'Metadata' || path.startsWith('cri/') || /^bin\/(kubeadm|k0s|k3s)$/.test(path);
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** Seal writes one shell line per element; other builders write the shell form of CMD as `/bin/sh -c LINE`. */
function shellLines(cmd: readonly string[]): readonly string[] {
  const [shell, flag, line] = cmd;
  return cmd.length === 3 && /^\/bin\/(?:ba)?sh$/.test(shell ?? '') && flag === '-c' && line !== undefined ? [line] : cmd;
}
