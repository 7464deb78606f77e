import { Problem } from '@seal/foundation';
import { expandWord } from '../kubefile/expand-word.ts';
import type { AppInstruction, Instruction, Word } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { checkAppName, type ImageApp } from '../store/image-extension.ts';
import { copyItems, expandOptions, readChecksum } from './build-copy.ts';
import type { BuildContext, BuildState } from './build-state.ts';
import { planCopy } from './plan-copy.ts';
import type { PlannedEntry } from './planned-entry.ts';

const labelPrefixes = { cni: 'cluster.alpha.sealer.io/kube-cni-', csi: 'cluster.alpha.sealer.io/kube-csi-' } as const;

/** The layer entries of an APP, CNI or CSI below `application/apps/<name>/`; notes the app. A later app of a name stands for an earlier one. */
export async function buildApp(
  context: BuildContext,
  state: BuildState,
  instruction: AppInstruction,
): Promise<readonly PlannedEntry[]> {
  const options = expandOptions(context, state);
  const name = appName(context, instruction.name, expandWord(instruction.name, options));
  const directory = `application/apps/${name}`;
  const checksum = readChecksum(context, instruction.checksum, options);
  const items = [];
  for (const source of instruction.sources)
    items.push(...(await copyItems(context, { kind: 'copy', checksum }, source, options)));
  const entries = await planCopy({ items, destination: `${directory}/`, tree: state.tree });
  const files = entries
    .filter(({ path, kind }) => kind !== 'directory' && path.startsWith(`${directory}/`))
    .map(({ path }) => path.slice(directory.length + 1));
  state.apps.set(name, { name, ...launchOf(files), env: {}, cmds: [], at: instruction.at });
  if (instruction.kind !== 'app') state.labels.set(`${labelPrefixes[instruction.kind]}${name}`, 'true');
  return entries;
}

/** APPENV, APPCMDS and LAUNCH: what they say of apps that stand before them, or come with the base image. */
export function noteApp(
  context: BuildContext,
  state: BuildState,
  instruction: Extract<Instruction, { kind: 'app-env' | 'app-cmds' | 'launch' }>,
): void {
  const options = expandOptions(context, state);
  if (instruction.kind === 'launch') {
    state.launch = instruction.apps.map((word) => knownApp(context, state, word).name);
    state.cmds = [];
    return;
  }
  const app = knownApp(context, state, instruction.app);
  if (instruction.kind === 'app-cmds') {
    state.apps.set(app.name, { ...app, cmds: instruction.words });
    return;
  }
  const added = instruction.assignments.map(({ name, value }) => [name.raw, expandWord(value, options)]);
  state.apps.set(app.name, { ...app, env: { ...app.env, ...Object.fromEntries(added) } });
}

/** Every app must say how it is launched. Throws KUBEFILE_INVALID at the APP that does not. */
export function checkApps({ kubefile }: BuildContext, state: BuildState): void {
  for (const { name, type, cmds, at } of state.apps.values()) {
    if (type !== undefined || cmds.length > 0 || !at) continue;
    const why = `app ${name} is neither a Helm chart nor only .yaml nor only .sh files, so it cannot be told how it is launched`;
    throw kubefileProblem(kubefile, at, `${why}; add APPCMDS ${name} ["…"]`);
  }
}

/** The message is that of images, whose apps have the same names; here the line of the Kubefile is what is wrong. */
function appName({ kubefile }: BuildContext, { at }: Word, name: string): string {
  try {
    return checkAppName(name);
  } catch (thrown) {
    throw thrown instanceof Problem ? kubefileProblem(kubefile, at, thrown.message) : thrown;
  }
}

function knownApp(context: BuildContext, state: BuildState, word: Word): ImageApp & { at?: Word['at'] } {
  const name = expandWord(word, expandOptions(context, state));
  const app = state.apps.get(name);
  if (app) return app;
  const known = state.apps.size === 0 ? '' : ` (there is: ${[...state.apps.keys()].join(', ')})`;
  throw kubefileProblem(context.kubefile, word.at, `there is no app "${name}" here${known}; its APP must stand before this line`);
}

/** A chart has Chart.yaml and templates/ at its top. */
function launchOf(files: readonly string[]): Pick<ImageApp, 'type' | 'files'> {
  if (files.length === 0) throw new Problem('BUILD_INPUT_INVALID', 'the sources of this app hold no file');
  if (files.includes('Chart.yaml') && files.some((path) => path.startsWith('templates/'))) return { type: 'helm', files: [] };
  if (files.every((path) => /\.ya?ml$/i.test(path))) return { type: 'kube', files };
  if (files.every((path) => /\.sh$/i.test(path))) return { type: 'shell', files };
  return { files: [] };
}
