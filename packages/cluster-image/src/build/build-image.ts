import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Problem } from '@seal/foundation';
import { parseKubefile } from '../kubefile/parse-kubefile.ts';
import { namedReference } from '../reference/named-reference.ts';
import type { ImageKind } from '../store/image-extension.ts';
import type { ImageStore } from '../store/image-store.ts';
import { checkApps } from './build-app.ts';
import { addLayer, buildInstruction } from './build-instruction.ts';
import { type Arch, atPlace, type BuildContext, type BuildProgress, BuildState } from './build-state.ts';
import { type CollectOptions, collectImages, type ImagePuller } from './container-images/collect-images.ts';
import { readImageLists } from './container-images/find-named-images.ts';
import { openContext } from './context-files.ts';
import { imageKind } from './image-kind.ts';
import type { BuiltLayer } from './layer-cache.ts';
import { writeImage, writeIndex } from './write-image.ts';
import { writeLayer } from './write-layer.ts';

export type { BuildProgress } from './build-state.ts';

export interface BuildOptions {
  /** Directory that COPY and ADD see. */
  readonly context: string;
  /** Path of the Kubefile. Default: `Kubefile` in the context. */
  readonly kubefile?: string;
  /** Name of the image, `kubernetes:1.20.2`. */
  readonly reference: string;
  readonly store: ImageStore;
  /** `--build-arg NAME=VALUE`. Those that no ARG declares are warned of. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /**
   * Target architectures, `${ARCH}`, none twice; with several the Kubefile is built for each and the name is given to an index.
   * Default: that of FROM --platform, else this machine's.
   */
  readonly archs?: readonly Arch[];
  /** What the image is for. Default: its label, else that of the base image, else what its files look like. */
  readonly kind?: ImageKind;
  /** True: every RUN goes without network. */
  readonly noNetwork?: boolean;
  /** True: nothing that an earlier build made or fetched is taken. */
  readonly noCache?: boolean;
  /** Time of every file and of the image, seconds. Default: SOURCE_DATE_EPOCH of the build arguments, else of the environment, else 0. */
  readonly epochSeconds?: number;
  /** Where an image of FROM is pulled from that names its registry and is not in the store. Absent: it must be in the store. */
  readonly basePuller?: ImagePuller;
  /** Where container images are pulled from, and which. Absent: none is collected. */
  readonly images?: CollectOptions;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Ends the build with CANCELLED; the store stays whole. */
  readonly signal?: AbortSignal;
}

/** An image for one architecture. */
export interface BuiltPlatform {
  readonly arch: Arch;
  /** Digest and size of the manifest. */
  readonly digest: string;
  readonly manifestBytes: number;
  /** Lowest first. */
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number; readonly cached: boolean }[];
}

export interface BuiltImage {
  /** Normalised name. */
  readonly reference: string;
  /** Digest of the manifest; with several architectures of the index. */
  readonly digest: string;
  /** The first one. */
  readonly arch: Arch;
  /** One for each architecture. */
  readonly images: readonly BuiltPlatform[];
  /** Those of all images. */
  readonly layers: BuiltPlatform['layers'];
  readonly sizeBytes: number;
}

/**
 * Builds a ClusterImage from a Kubefile into a store. The same context, Kubefile and arguments give the same digests, and unchanged
 * layers are not made anew. Only RUN needs root. Throws KUBEFILE_INVALID, KUBEFILE_UNSUPPORTED, BUILD_INPUT_INVALID, BUILD_RUN_FAILED (all with
 * file:line:column), IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, REGISTRY_*, NOT_ROOT, DISK_FULL, CANCELLED; no image is named then.
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const reference = namedReference(options.reference);
  const files = await openContext(options.context);
  const path = options.kubefile ?? join(options.context, 'Kubefile');
  const kubefile = parseKubefile(await readKubefile(path), options.kubefile ?? basename(path));
  // A list that is wrong must not be found out after an hour of RUN.
  for (const lists of [options.images?.lists, options.images?.ignoredLists]) await readImageLists(lists);
  const session = await options.store.openSession('build');
  const buildArgs = options.buildArgs ?? {};
  try {
    const context: BuildContext = {
      kubefile,
      files,
      session,
      store: options.store,
      buildArgs,
      epochSeconds: options.epochSeconds ?? readEpoch(buildArgs.SOURCE_DATE_EPOCH ?? process.env.SOURCE_DATE_EPOCH ?? '0'),
      noNetwork: options.noNetwork ?? false,
      noCache: options.noCache ?? false,
      onProgress: options.onProgress ?? (() => undefined),
      ...(options.basePuller ? { basePuller: options.basePuller } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    };
    const asked = options.archs ?? [];
    const images: BuiltPlatform[] = [];
    for (const arch of asked.length === 0 ? [undefined] : asked) images.push(await buildPlatform(context, arch, options));
    const [first] = images as [BuiltPlatform];
    const digest = asked.length < 2 ? first.digest : await writeIndex(context, images);
    await options.store.putReference(reference, digest);
    const layers = images.flatMap((image) => image.layers);
    const sizeBytes = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    return { reference, digest, arch: first.arch, images, layers, sizeBytes };
  } finally {
    await session.close();
  }
}

async function buildPlatform(
  context: BuildContext,
  asked: Arch | undefined,
  { kind, images }: Pick<BuildOptions, 'kind' | 'images'>,
): Promise<BuiltPlatform> {
  const { instructions } = context.kubefile;
  const state = new BuildState(asked ?? hostArch());
  const made = new Map<string, BuiltLayer>();
  for (const [index, instruction] of instructions.entries()) {
    if (context.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
    context.onProgress({ kind: 'instruction', number: index + 1, count: instructions.length, text: instruction.text });
    const layer = await atPlace(context.kubefile, instruction, () => buildInstruction(context, state, instruction, asked));
    if (layer) made.set(layer.digest, layer);
  }
  checkApps(context, state);
  for (const entries of images ? await collectImages(context, state, images) : []) {
    const layer = await addLayer(context, state, 'container images', await writeLayer(context, entries));
    if (layer) made.set(layer.digest, layer);
  }
  for (const name of Object.keys(context.buildArgs))
    if (!state.usedBuildArgs.has(name) && name !== 'SOURCE_DATE_EPOCH')
      context.onProgress({ kind: 'warning', message: `build argument ${name} is declared by no ARG` });
  const layers = state.layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes, cached: made.get(digest)?.cached ?? true }));
  return { arch: state.arch, ...(await writeImage(context, state, imageKind(state, kind))), layers };
}

async function readKubefile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'ENOENT'
        ? `there is no Kubefile at ${resolve(path)}`
        : `the Kubefile ${path} cannot be read: ${cause.message}`;
    throw new Problem('BUILD_INPUT_INVALID', why, { cause, details: { path } });
  });
}

function readEpoch(text: string): number {
  if (!/^[0-9]{1,11}$/.test(text)) throw new Problem('USAGE', `SOURCE_DATE_EPOCH is "${text}"; expected seconds since 1970`);
  return Number(text);
}

function hostArch(): Arch {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Problem('USAGE', `this machine's architecture is ${process.arch}; say amd64 or arm64`);
}
