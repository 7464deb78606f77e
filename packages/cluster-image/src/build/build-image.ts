import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { canonicalJson, Problem } from '@seal/foundation';
import { expandWord } from '../kubefile/expand-word.ts';
import type { Instruction } from '../kubefile/kubefile.ts';
import { parseKubefile } from '../kubefile/parse-kubefile.ts';
import { parseReference } from '../reference/parse-reference.ts';
import { layerIndex } from '../rootfs/layer-index.ts';
import { writeBlob } from '../store/blobs.ts';
import type { ImageStore } from '../store/image-store.ts';
import { mediaTypes } from '../store/media-types.ts';
import { buildCopy } from './build-copy.ts';
import { buildFrom } from './build-from.ts';
import { buildRun } from './build-run.ts';
import { type Arch, atInstruction, type BuildContext, type BuildProgress, BuildState } from './build-state.ts';
import { openContext } from './context-files.ts';
import { imageConfig } from './image-config.ts';
import { type BuiltLayer, writeLayer } from './write-layer.ts';

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
  /** Target architecture, `${ARCH}`. Default: that of FROM --platform, else this machine's. */
  readonly arch?: Arch;
  /** True: every RUN goes without network. */
  readonly noNetwork?: boolean;
  /** Time of every file and of the image, seconds. Default: the environment's SOURCE_DATE_EPOCH, else 0. */
  readonly epochSeconds?: number;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Ends the build with CANCELLED; the store stays whole. */
  readonly signal?: AbortSignal;
}

export interface BuiltImage {
  /** Normalised name. */
  readonly reference: string;
  /** Digest of the manifest. */
  readonly digest: string;
  readonly arch: Arch;
  /** Lowest first. */
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number; readonly cached: boolean }[];
  readonly sizeBytes: number;
}

/**
 * Builds a ClusterImage from a Kubefile into a store. The same context, Kubefile and arguments give the same digests, and unchanged
 * layers are not made anew. Only RUN needs root. Throws KUBEFILE_INVALID, KUBEFILE_UNSUPPORTED, BUILD_INPUT_INVALID, BUILD_RUN_FAILED (all with
 * file:line:column), IMAGE_NOT_FOUND, IMAGE_ARCH_MISMATCH, NOT_ROOT, DISK_FULL, CANCELLED; no image is named then.
 */
export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { text: reference } = parseReference(options.reference);
  const files = await openContext(options.context);
  const path = options.kubefile ?? join(options.context, 'Kubefile');
  const kubefile = parseKubefile(await readKubefile(path), options.kubefile ?? basename(path));
  const session = await options.store.openSession('build');
  try {
    const context: BuildContext = {
      kubefile,
      files,
      session,
      store: options.store,
      buildArgs: options.buildArgs ?? {},
      epochSeconds: options.epochSeconds ?? epochOfEnvironment(),
      noNetwork: options.noNetwork ?? false,
      onProgress: options.onProgress ?? (() => undefined),
      ...(options.signal ? { signal: options.signal } : {}),
    };
    const state = new BuildState(options.arch ?? hostArch());
    const made = new Map<string, BuiltLayer>();
    for (const [index, instruction] of kubefile.instructions.entries()) {
      if (options.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled');
      context.onProgress({ kind: 'instruction', number: index + 1, count: kubefile.instructions.length, text: instruction.text });
      const layer = await atInstruction(kubefile, instruction, () => build(context, state, instruction, options.arch));
      if (layer) made.set(layer.digest, layer);
    }
    for (const name of Object.keys(context.buildArgs))
      if (!state.usedBuildArgs.has(name))
        context.onProgress({ kind: 'warning', message: `build argument ${name} is declared by no ARG` });
    const digest = await writeImage(context, state);
    await options.store.putReference(reference, digest);
    return {
      reference,
      digest,
      arch: state.arch,
      layers: state.layers.map((layer) => ({
        digest: layer.digest,
        sizeBytes: layer.sizeBytes,
        cached: made.get(layer.digest)?.cached ?? true,
      })),
      sizeBytes: state.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
    };
  } finally {
    await session.close();
  }
}

async function build(
  context: BuildContext,
  state: BuildState,
  instruction: Instruction,
  askedArch: Arch | undefined,
): Promise<BuiltLayer | undefined> {
  const { source, escapeCharacter, variables } = { source: context.kubefile, ...context.kubefile, variables: state.variables() };
  const expanded = (word: { raw: string; at: { line: number; column: number } }) =>
    expandWord(word, { source, escapeCharacter, variables });
  switch (instruction.kind) {
    case 'from':
      await buildFrom(context, state, instruction, askedArch);
      return undefined;
    case 'copy':
    case 'add': {
      const entries = await buildCopy(context, state, instruction);
      const layer =
        entries.length > 0 ? await writeLayer(context.store, context.session, entries, context.epochSeconds) : undefined;
      return addLayer(context, state, instruction.text, layer);
    }
    case 'run':
      return addLayer(context, state, instruction.text, await buildRun(context, state, instruction));
    case 'arg':
      for (const { name, value } of instruction.assignments) declareArg(context, state, name, value && expanded(value));
      return undefined;
    case 'env':
      for (const { name, value } of instruction.assignments) state.env.set(name.raw, expanded(value));
      break;
    case 'label':
      for (const { name, value } of instruction.assignments) state.labels.set(expanded(name), expanded(value));
      break;
    case 'maintainer':
      state.author = instruction.name;
      break;
    case 'cmds':
      state.cmds = instruction.lines;
      break;
    case 'kube-version':
      state.labels.set('app.alpha.sealer.io/supported-kube-version', expanded(instruction.constraint));
      break;
  }
  return addLayer(context, state, instruction.text, undefined);
}

async function addLayer(
  context: BuildContext,
  state: BuildState,
  text: string,
  layer: BuiltLayer | undefined,
): Promise<BuiltLayer | undefined> {
  const created = new Date(context.epochSeconds * 1000).toISOString();
  state.history.push({ created, created_by: text, ...(layer ? {} : { empty_layer: true }) });
  if (!layer) return undefined;
  const { cached, ...kept } = layer;
  state.layers.push(kept);
  state.tree.apply(await layerIndex(context.store, layer));
  context.onProgress({ kind: 'layer', digest: layer.digest, sizeBytes: layer.sizeBytes, cached });
  return layer;
}

function declareArg(context: BuildContext, state: BuildState, name: string, fallback: string | undefined): void {
  const given = Object.hasOwn(context.buildArgs, name) ? context.buildArgs[name] : undefined;
  if (given !== undefined) state.usedBuildArgs.add(name);
  const value = given ?? fallback ?? state.argsBeforeFrom.get(name);
  if (value !== undefined) state.args.set(name, value);
}

async function writeImage(context: BuildContext, state: BuildState): Promise<string> {
  const { store, session } = context;
  const write = (value: unknown) => writeBlob(store.directory, session, [Buffer.from(canonicalJson(value))]);
  const config = await write(imageConfig(state, context.epochSeconds));
  const manifest = await write({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.sizeBytes },
    layers: state.layers.map(({ digest, mediaType, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
  });
  return manifest.digest;
}

async function readKubefile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why =
      cause.code === 'ENOENT' ? `there is no Kubefile at ${path}` : `the Kubefile ${path} cannot be read: ${cause.message}`;
    throw new Problem('BUILD_INPUT_INVALID', why, { cause, details: { path } });
  });
}

function epochOfEnvironment(): number {
  const text = process.env.SOURCE_DATE_EPOCH ?? '0';
  if (!/^[0-9]{1,11}$/.test(text)) throw new Problem('USAGE', `SOURCE_DATE_EPOCH is "${text}"; expected seconds since 1970`);
  return Number(text);
}

function hostArch(): Arch {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Problem('USAGE', `this machine's architecture is ${process.arch}; say amd64 or arm64`);
}
