import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { Problem } from '@seal/foundation';
import { whiteoutPrefix } from '../rootfs/entry-path.ts';
import type { RootfsTree } from '../rootfs/rootfs-tree.ts';
import type { ContextEntry, ContextFiles } from './context-files.ts';
import type { PlannedEntry } from './planned-entry.ts';

export interface CopySourceItem {
  readonly kind: 'tree' | 'file';
  /** For `tree`: a file or directory and its context. */
  readonly entry?: ContextEntry;
  readonly files?: ContextFiles;
  /** For `file`: what comes from elsewhere (a heredoc, a URL). */
  readonly name?: string;
  readonly content?: PlannedEntry['content'];
  readonly mode?: number;
  /** The content of an archive that ADD unpacked. */
  readonly unpacked?: boolean;
}

export interface CopyRequest {
  readonly items: readonly CopySourceItem[];
  /** As written, variables expanded. */
  readonly destination: string;
  readonly chmod?: number;
  /** What the rootfs holds before this instruction. */
  readonly tree: RootfsTree;
}

/**
 * The entries of the layer of a COPY or ADD: a directory's content goes into the destination, a file becomes the destination, or goes into
 * it where that is a directory or ends with `/`. Links of the rootfs on the way are followed inside of it. Missing parents are made (0755).
 * Throws BUILD_INPUT_INVALID.
 */
export async function planCopy(request: CopyRequest): Promise<PlannedEntry[]> {
  const { items, destination, tree } = request;
  const target = resolveInTree(tree, destination);
  const wantsDirectory = /(?:^|\/)\.?$/.test(destination) || tree.get(target)?.kind === 'directory';
  if (items.length > 1 && !wantsDirectory)
    throw new Problem('BUILD_INPUT_INVALID', `several sources need a directory as destination; write "${destination}/"`);
  const planned = new Map<string, PlannedEntry>();
  const add = (entry: PlannedEntry) => addEntry(planned, tree, request.chmod, entry);
  for (const item of items) {
    if (item.kind === 'file') {
      const path = wantsDirectory ? joined(target, item.name ?? '') : target;
      add({ path, kind: 'file', mode: item.mode ?? 0o644, content: item.content ?? { bytes: Buffer.alloc(0) } });
    } else if (item.entry?.stats.isDirectory()) {
      const mode = tree.get(target)?.mode ?? modeOf(item.entry.stats);
      if (target !== '') add({ path: target, kind: 'directory', mode });
      for (const below of (await item.files?.below(item.entry)) ?? [])
        add(await toPlanned(below, joined(target, posix.relative(item.entry.path, below.path))));
    } else if (item.entry) {
      add(await toPlanned(item.entry, wantsDirectory ? joined(target, posix.basename(item.entry.path)) : target));
    }
  }
  return withParents(planned, tree);
}

function addEntry(planned: Map<string, PlannedEntry>, tree: RootfsTree, chmod: number | undefined, entry: PlannedEntry): void {
  if (entry.path === '')
    throw new Problem('BUILD_INPUT_INVALID', 'a file cannot become the root of the rootfs; name a path for it');
  const reserved = entry.path.split('/').find((part) => part.startsWith(whiteoutPrefix));
  if (reserved)
    throw new Problem(
      'BUILD_INPUT_INVALID',
      `"${entry.path}" cannot be copied: names that begin with ".wh." stand for removals in a layer`,
    );
  const before = planned.get(entry.path)?.kind ?? tree.get(entry.path)?.kind;
  if (before !== undefined && (before === 'directory') !== (entry.kind === 'directory')) {
    const is = before === 'directory' ? 'a directory' : `a ${before}`;
    throw new Problem('BUILD_INPUT_INVALID', `"/${entry.path}" is ${is} in the rootfs and would become a ${entry.kind}`);
  }
  const mode = chmod !== undefined && entry.kind !== 'symlink' ? chmod : entry.mode;
  planned.set(entry.path, { ...entry, mode });
}

async function toPlanned(entry: ContextEntry, path: string): Promise<PlannedEntry> {
  const { stats, absolute } = entry;
  const mode = modeOf(stats);
  if (stats.isFile()) return { path, kind: 'file', mode, content: { path: absolute } };
  if (stats.isDirectory()) return { path, kind: 'directory', mode };
  if (stats.isSymbolicLink()) {
    return { path, kind: 'symlink', mode: 0o777, target: await readlink(absolute) };
  }
  throw new Problem(
    'BUILD_INPUT_INVALID',
    `${absolute} is a device, pipe or socket; a ClusterImage holds files, directories and links`,
  );
}

/** Without the right of the group to write: whether a checkout has it depends on the umask of who made it, and the group will be root's. */
function modeOf({ mode }: { readonly mode: number }): number {
  return mode & 0o7757;
}

/** Each entry's directories, with the modes they have in the rootfs already, so that the layer alone does not alter them. */
function withParents(planned: Map<string, PlannedEntry>, tree: RootfsTree): PlannedEntry[] {
  for (const path of [...planned.keys()]) {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (planned.has(parent)) continue;
      const node = tree.get(parent);
      if (node && node.kind !== 'directory')
        throw new Problem(
          'BUILD_INPUT_INVALID',
          `"/${parent}" is a ${node.kind} in the rootfs, so nothing can be copied below it`,
        );
      planned.set(parent, { path: parent, kind: 'directory', mode: node?.mode ?? 0o755 });
    }
  }
  return [...planned.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The path inside the rootfs that a written path means, with the rootfs' own links followed (40 at most) and never left. */
export function resolveInTree(tree: RootfsTree, written: string): string {
  const rest = written.split('/').reverse();
  const done: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const part = rest.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const node = tree.get([...done, part].join('/'));
    if (node?.kind !== 'symlink') {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > 40) throw new Problem('BUILD_INPUT_INVALID', `"${written}" leads through more than 40 links in the rootfs`);
    if (node.target.startsWith('/')) done.length = 0;
    rest.push(...node.target.split('/').reverse());
  }
  return done.join('/');
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
