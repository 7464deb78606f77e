import { Problem } from '@seal/foundation';
import { type ImageApp, type ImageKind, readExtension } from '../store/image-extension.ts';
import type { ImageStore } from '../store/image-store.ts';
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
  /** CMD / CMDS of the Kubefile: shell lines. */
  readonly cmds: readonly string[];
  /** What the image is for; `kube-installer` where it does not say. */
  readonly kind: ImageKind;
  readonly apps: readonly ImageApp[];
  /** LAUNCH: names of `apps`, in this order. */
  readonly launch: readonly string[];
  /** Every regular file and link of the rootfs, relative, sorted. */
  readonly paths: readonly string[];
  /** Text of the small files that a planner reads. */
  readonly files: Readonly<Record<string, string>>;
}

/** Reads manifest, config and inventory of an image. Throws IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, and what readInventory throws. */
export async function readImageFacts(store: ImageStore, name: string): Promise<ImageFacts> {
  const { reference, digest, arch, manifest, config, labels } = await store.inspect(name);
  if (arch !== 'amd64' && arch !== 'arm64')
    throw new Problem('IMAGE_ARCH_MISMATCH', `image ${name} is for the architecture "${arch}"; Seal knows amd64 and arm64`);
  const extension = readExtension(manifest, config);
  const { paths, files } = await readInventory(store, manifest);
  return {
    reference: reference ?? digest,
    digest,
    arch,
    layers: manifest.layers.map((layer) => ({ digest: layer.digest, mediaType: layer.mediaType, sizeBytes: layer.size })),
    labels,
    env: Object.fromEntries((config.config?.Env ?? []).map(splitPair)),
    cmds: shellLines(config.config?.Cmd ?? extension.cmds),
    kind: extension.kind ?? 'kube-installer',
    apps: extension.apps,
    launch: extension.launch,
    paths,
    files,
  };
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
