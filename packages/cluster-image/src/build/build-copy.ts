import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { type ExpandOptions, expandText, expandWord } from '../kubefile/expand-word.ts';
import type { CopyInstruction, CopySource, Word } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { unpackLayer } from '../rootfs/unpack-layer.ts';
import { fileCompression } from '../store/decompress.ts';
import { mediaTypes } from '../store/media-types.ts';
import { atPlace, type BuildContext, type BuildState } from './build-state.ts';
import { type ContextEntry, openContext } from './context-files.ts';
import { fetchUrl } from './fetch-url.ts';
import { isTar } from './is-tar.ts';
import { type CopySourceItem, planCopy } from './plan-copy.ts';
import type { PlannedEntry } from './planned-entry.ts';

/** The layer entries of a COPY or ADD. ADD unpacks files that are tar archives, as safely as layers are. */
export async function buildCopy(
  context: BuildContext,
  state: BuildState,
  instruction: CopyInstruction,
): Promise<readonly PlannedEntry[]> {
  const options = expandOptions(context, state);
  const copying = { kind: instruction.kind, checksum: readChecksum(context, instruction.checksum, options) };
  const items: CopySourceItem[] = [];
  for (const source of instruction.sources) items.push(...(await copyItems(context, copying, source, options)));
  if (instruction.chown) warnOfOwner(context, expandWord(instruction.chown, options));
  const { kubefile } = context;
  const destination = expandWord(instruction.destination, options);
  if (destination === '')
    throw kubefileProblem(kubefile, instruction.destination.at, `the destination "${instruction.destination.raw}" is empty`);
  const chmod = instruction.chmod ? readMode(context, instruction.chmod, options) : undefined;
  const hasArchive = items.some(({ unpacked }) => unpacked);
  const request = {
    items,
    // An archive is unpacked into its destination, with or without a slash behind it.
    destination: hasArchive && !destination.endsWith('/') ? `${destination}/` : destination,
    ...(chmod === undefined ? {} : { chmod }),
    tree: state.tree,
  };
  return atPlace(kubefile, instruction.destination, () => planCopy(request));
}

/** How words of an instruction are expanded now. */
export function expandOptions({ kubefile }: BuildContext, state: BuildState): ExpandOptions {
  return { source: kubefile, escapeCharacter: kubefile.escapeCharacter, variables: state.variables() };
}

/** The digest that `--checksum` asks for. Throws KUBEFILE_INVALID. */
export function readChecksum({ kubefile }: BuildContext, word: Word | undefined, options: ExpandOptions): string | undefined {
  if (!word) return undefined;
  const text = expandWord(word, options).toLowerCase();
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return text;
  throw kubefileProblem(kubefile, word.at, `--checksum=${text} is not "sha256:" and 64 hex digits`);
}

/** What one source of COPY, ADD or an app brings; what is wrong with it is told at its place. `add` unpacks archives. */
export async function copyItems(
  context: BuildContext,
  copying: { readonly kind: 'copy' | 'add'; readonly checksum: string | undefined },
  source: CopySource,
  options: ExpandOptions,
): Promise<CopySourceItem[]> {
  if (source.kind === 'heredoc') {
    const { name, body, expand, at } = source.heredoc;
    return [{ kind: 'file', name, content: { bytes: Buffer.from(expand ? expandText(body, at, options) : body) } }];
  }
  const { kubefile } = context;
  if (source.kind === 'path') return atPlace(kubefile, source.path, () => pathItems(context, copying.kind, source.path, options));
  const url = expandWord(source.url, options);
  const { name, path } = await atPlace(kubefile, source.url, () => fetchUrl(context, url, copying.checksum));
  // 0600 is what Docker's ADD gives to what it fetches; files of apps are read by kubectl, helm and bash as root.
  return [{ kind: 'file', name, content: { path }, mode: 0o600 }];
}

async function pathItems(
  context: BuildContext,
  kind: 'copy' | 'add',
  word: Word,
  options: ExpandOptions,
): Promise<CopySourceItem[]> {
  const written = expandWord(word, options);
  if (written === '') throw new Problem('KUBEFILE_INVALID', `the source "${word.raw}" is empty`);
  const items: CopySourceItem[] = [];
  for (const entry of await context.files.find(written)) {
    const archive = kind === 'add' && entry.stats.isFile() ? await unpackArchive(context, entry) : undefined;
    items.push(archive ?? { kind: 'tree', entry, files: context.files });
  }
  return items;
}

async function unpackArchive(context: BuildContext, { absolute, path }: ContextEntry): Promise<CopySourceItem | undefined> {
  const compression = await fileCompression(absolute);
  if (compression === 'bzip2' || compression === 'xz') {
    if (!/\.(?:tar\.(?:bz2|xz)|tbz2?|txz)$/.test(path)) return undefined;
    throw new Problem('BUILD_INPUT_INVALID', `${absolute} is compressed by ${compression}; ADD unpacks tar, tar.gz and tar.zst`, {
      remedy: 'COPY it and unpack it in a RUN, or compress it by gzip or zstd.',
    });
  }
  if (!(await isTar(absolute, compression))) return undefined;
  const mediaType = { gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, none: mediaTypes.layerPlain }[compression];
  const target = context.session.path('archive');
  await unpackLayer({ path: absolute, mediaType, name: absolute }, join(target, 'content'), { durable: false });
  const files = await openContext(join(target, 'content'));
  const [entry] = await files.find('/');
  return entry ? { kind: 'tree', entry, files, unpacked: true } : undefined;
}

function warnOfOwner(context: BuildContext, owner: string): void {
  if (/^(?:root|0)(?::(?:root|0))?$/.test(owner)) return;
  const message = `--chown=${owner} is not taken: everything in a ClusterImage belongs to root; chown in a script on the node`;
  context.onProgress({ kind: 'warning', message });
}

function readMode({ kubefile }: BuildContext, word: Word, options: ExpandOptions): number {
  const text = expandWord(word, options);
  if (/^0?[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8);
  throw kubefileProblem(kubefile, word.at, `--chmod=${text} is not an octal mode such as 755`);
}
