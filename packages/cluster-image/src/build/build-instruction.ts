import { expandWord } from '../kubefile/expand-word.ts';
import { isKubeVersionConstraint } from '../kubefile/kube-version.ts';
import type { Instruction, Word } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { layerIndex } from '../rootfs/layer-index.ts';
import { buildApp, noteApp } from './build-app.ts';
import { buildCopy } from './build-copy.ts';
import { buildFrom } from './build-from.ts';
import { buildRun } from './build-run.ts';
import type { Arch, BuildContext, BuildState } from './build-state.ts';
import type { BuiltLayer } from './layer-cache.ts';
import { writeLayer } from './write-layer.ts';

/** Carries one instruction out. Gives the layer that it made, or found made. */
export async function buildInstruction(
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
      return addLayer(context, state, instruction.text, entries.length > 0 ? await writeLayer(context, entries) : undefined);
    }
    case 'app':
    case 'cni':
    case 'csi':
      return addLayer(context, state, instruction.text, await writeLayer(context, await buildApp(context, state, instruction)));
    case 'app-env':
    case 'app-cmds':
    case 'launch':
      noteApp(context, state, instruction);
      break;
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
      state.launch = [];
      break;
    case 'kube-version':
      state.labels.set(
        'app.alpha.sealer.io/supported-kube-version',
        readConstraint(context, instruction.constraint, expanded(instruction.constraint)),
      );
      break;
  }
  return addLayer(context, state, instruction.text, undefined);
}

/** Puts a layer on top, if there is one, and a line into the history. */
export async function addLayer(
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

/** Throws KUBEFILE_INVALID for what is no constraint. */
function readConstraint({ kubefile }: BuildContext, { at }: Word, text: string): string {
  if (isKubeVersionConstraint(text)) return text;
  const why = `"${text}" is not a constraint of versions, such as ">=1.20 <1.24" or "1.20.x || 1.22.x"`;
  throw kubefileProblem(kubefile, at, why);
}
