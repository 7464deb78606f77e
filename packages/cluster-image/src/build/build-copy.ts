import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { expandText, expandWord } from '../kubefile/expand-word.ts';
import type { CopyInstruction, CopySource } from '../kubefile/kubefile.ts';
import { unpackLayer } from '../rootfs/unpack-layer.ts';
import { fileCompression } from '../store/decompress.ts';
import { mediaTypes } from '../store/media-types.ts';
import type { BuildContext, BuildState } from './build-state.ts';
import { type ContextEntry, openContext } from './context-files.ts';
import { isTar } from './is-tar.ts';
import { type CopySourceItem, planCopy } from './plan-copy.ts';
import type { PlannedEntry } from './planned-entry.ts';

/** The layer entries of a COPY or ADD. ADD unpacks files that are tar archives, as safely as layers are. */
export async function buildCopy(
  context: BuildContext,
  state: BuildState,
  instruction: CopyInstruction,
): Promise<readonly PlannedEntry[]> {
  const options = { source: context.kubefile, escapeCharacter: context.kubefile.escapeCharacter, variables: state.variables() };
  const items: CopySourceItem[] = [];
  for (const source of instruction.sources) items.push(...(await itemsOf(context, instruction, source, options)));
  const destination = expandWord(instruction.destination, options);
  if (destination === '') throw new Problem('KUBEFILE_INVALID', `the destination "${instruction.destination.raw}" is empty`);
  const chmod = instruction.chmod ? readMode(expandWord(instruction.chmod, options)) : undefined;
  const hasArchive = items.some(({ unpacked }) => unpacked);
  return planCopy({
    items,
    // An archive is unpacked into its destination, with or without a slash behind it.
    destination: hasArchive && !destination.endsWith('/') ? `${destination}/` : destination,
    ...(chmod === undefined ? {} : { chmod }),
    tree: state.tree,
  });
}

async function itemsOf(
  context: BuildContext,
  { kind }: CopyInstruction,
  source: CopySource,
  options: Parameters<typeof expandWord>[1],
): Promise<CopySourceItem[]> {
  if (source.kind === 'heredoc') {
    const { name, body, expand, at } = source.heredoc;
    return [{ kind: 'bytes', name, bytes: Buffer.from(expand ? expandText(body, at, options) : body) }];
  }
  const written = expandWord(source.path, options);
  if (written === '') throw new Problem('KUBEFILE_INVALID', `the source "${source.path.raw}" is empty`);
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

function readMode(text: string): number {
  if (!/^0?[0-7]{3,4}$/.test(text)) throw new Problem('KUBEFILE_INVALID', `--chmod=${text} is not an octal mode such as 755`);
  return Number.parseInt(text, 8);
}
