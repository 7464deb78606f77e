import { Problem } from '@seal/foundation';
import { expandWord } from '../kubefile/expand-word.ts';
import type { Instruction, Word } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { parseReference } from '../reference/parse-reference.ts';
import { layerIndex } from '../rootfs/layer-index.ts';
import { readExtension } from '../store/image-extension.ts';
import type { InspectedImage } from '../store/inspect-image.ts';
import { ociLayerType } from '../store/media-types.ts';
import { type Arch, atPlace, type BuildContext, type BuildState } from './build-state.ts';

/** FROM: nothing (scratch), or the layers, environment, labels and commands of an image in the store or of a registry. */
export async function buildFrom(
  context: BuildContext,
  state: BuildState,
  instruction: Extract<Instruction, { kind: 'from' }>,
  askedArch: Arch | undefined,
): Promise<void> {
  const { kubefile } = context;
  const options = { source: kubefile, escapeCharacter: kubefile.escapeCharacter, variables: state.variables() };
  if (instruction.platform)
    takePlatform(context, state, instruction.platform, expandWord(instruction.platform, options), askedArch);
  // What stood before FROM is for FROM alone; an ARG of the same name behind it takes the default up.
  for (const [name, value] of state.args) state.argsBeforeFrom.set(name, value);
  const variables = state.variables();
  state.args.clear();
  const name = expandWord(instruction.image, { ...options, variables });
  if (name === '')
    throw kubefileProblem(
      kubefile,
      instruction.image.at,
      `the image "${instruction.image.raw}" is empty; expected scratch or an image`,
    );
  if (name !== 'scratch') await atPlace(kubefile, instruction.image, () => takeBase(context, state, name));
}

function takePlatform(
  { kubefile }: BuildContext,
  state: BuildState,
  word: Word,
  platform: string,
  askedArch: Arch | undefined,
): void {
  const arch = /^linux\/(amd64|arm64)$/.exec(platform)?.[1] as Arch | undefined;
  if (!arch) throw kubefileProblem(kubefile, word.at, `--platform=${platform} is not known; expected linux/amd64 or linux/arm64`);
  if (askedArch !== undefined && askedArch !== arch)
    throw kubefileProblem(
      kubefile,
      word.at,
      `--platform=${platform} contradicts the architecture ${askedArch} that was asked for`,
    );
  state.arch = arch;
}

async function takeBase(context: BuildContext, state: BuildState, name: string): Promise<void> {
  const { store } = context;
  const { manifest, config } = await findBase(context, state, name);
  for (const [index, layer] of manifest.layers.entries()) {
    const { digest, mediaType, size } = layer;
    state.layers.push({
      digest,
      mediaType: ociLayerType(mediaType),
      sizeBytes: size,
      diffId: config.rootfs.diff_ids[index] ?? '',
    });
    await store.hasBlob(digest);
    state.tree.apply(await layerIndex(store, layer));
  }
  for (const pair of config.config?.Env ?? []) {
    const equals = pair.indexOf('=');
    if (equals > 0) state.env.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  for (const [label, value] of Object.entries(config.config?.Labels ?? {})) state.labels.set(label, value);
  const extension = readExtension(manifest, config);
  state.cmds = config.config?.Cmd ?? extension.cmds;
  state.launch = extension.launch;
  state.kind = extension.kind;
  for (const app of extension.apps) state.apps.set(app.name, app);
  state.author = config.author;
  for (const entry of config.history ?? []) {
    const { created_by, empty_layer } = entry;
    const created = typeof entry.created === 'string' ? entry.created : '1970-01-01T00:00:00Z';
    state.history.push({ created, ...(created_by === undefined ? {} : { created_by }), ...(empty_layer ? { empty_layer } : {}) });
  }
}

/** The image in the store; else of its registry, where it names one. It gets no name: the layers stay with what is built of them. */
async function findBase(context: BuildContext, state: BuildState, name: string): Promise<InspectedImage> {
  const { store, basePuller, signal, onProgress } = context;
  try {
    return await store.inspect(name, state.arch);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'IMAGE_NOT_FOUND') throw thrown;
    const reference = parseReference(name);
    if (!basePuller || reference.registry === 'localhost') {
      const remedy = `Name its registry ("FROM REGISTRY/${name}"), or bring it into the store first: "sealctl pull REGISTRY/${name} --name ${name}", "sealctl load" or "sealctl build".`;
      throw new Problem(thrown.code, thrown.message, { remedy, details: thrown.details, cause: thrown });
    }
    onProgress({ kind: 'pull', reference: reference.text });
    const pulled = await basePuller.pullImage(reference, { os: 'linux', arch: state.arch }, store, signal);
    const [image] = await store.inspectPlatforms(pulled.digest);
    return image!;
  }
}
