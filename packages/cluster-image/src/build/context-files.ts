import type { Stats } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import { Problem } from '@seal/foundation';
import { type IgnoreRule, readIgnoreFile } from './ignore-file.ts';

/** A file, directory or link of the build context. */
export interface ContextEntry {
  /** From the root of the context, with `/`; empty for the root itself. */
  readonly path: string;
  readonly absolute: string;
  readonly stats: Stats;
}

/** The build context: what COPY and ADD can see. Nothing of it is ever changed. */
export interface ContextFiles {
  readonly directory: string;
  /**
   * The entries that a source of COPY names, sorted; several where it has wildcards (`*`, `?`, `[a-z]`, each within one name). A link that is
   * named itself is followed, inside the context only. Throws BUILD_INPUT_INVALID where there is none, or where it leads outside.
   */
  find(source: string): Promise<ContextEntry[]>;
  /** Everything below a directory, sorted, links not followed, without what the ignore file leaves out. */
  below(directory: ContextEntry): Promise<ContextEntry[]>;
}

/** Opens a context. Throws BUILD_INPUT_INVALID when it is no directory. */
export async function openContext(context: string): Promise<ContextFiles> {
  const directory = await realpath(context).catch(() => undefined);
  if (!directory || !(await lstat(directory)).isDirectory()) {
    throw new Problem('BUILD_INPUT_INVALID', `the build context "${context}" is not a directory`, { details: { context } });
  }
  const ignored = await readIgnoreFile(directory);
  return {
    directory,
    find: (source) => find(directory, ignored, source),
    below: (entry) => below(directory, ignored, entry.path),
  };
}

async function find(context: string, ignored: IgnoreRule, source: string): Promise<ContextEntry[]> {
  const cleaned = posix.normalize(source.replace(/^\/+/, '') || '.').replace(/\/+$/, '');
  if (cleaned === '..' || cleaned.startsWith('../'))
    throw new Problem('BUILD_INPUT_INVALID', `"${source}" lies outside of the build context ${context}`);
  const parts = cleaned === '.' ? [] : cleaned.split('/');
  let paths = [''];
  for (const part of parts) paths = (await Promise.all(paths.map((path) => step(context, path, part)))).flat();
  const found: ContextEntry[] = [];
  for (const path of paths.sort()) {
    const entry = await followInside(context, path);
    const leftOut = (candidate: string) => candidate !== '' && ignored(candidate);
    // A directory that is left out may hold files that a later rule took back.
    if (
      entry &&
      ((!leftOut(path) && !leftOut(entry.path)) ||
        (entry.stats.isDirectory() && (await below(context, ignored, entry.path)).length > 0))
    )
      found.push(entry);
  }
  if (found.length > 0) return found;
  const why = paths.length > 0 ? 'is left out by the ignore file' : 'is not there';
  throw new Problem('BUILD_INPUT_INVALID', `"${source}" ${why} (looked for ${join(context, cleaned)})`, {
    details: { source, lookedFor: join(context, cleaned) },
  });
}

async function step(context: string, path: string, part: string): Promise<string[]> {
  const child = (name: string) => (path === '' ? name : `${path}/${name}`);
  if (!/[*?[\\]/.test(part)) {
    const there = await lstat(join(context, path, part)).catch(ignoreAbsent);
    return there ? [child(part)] : [];
  }
  const pattern = namePattern(part);
  const names = await readdir(join(context, path)).catch(ignoreAbsent);
  return (names ?? []).filter((name) => pattern.test(name)).map(child);
}

/** Go's filepath.Match for one name, which Dockerfiles use: `*`, `?`, `[…]`, `[^…]`, and `\` before a plain character. */
export function namePattern(part: string): RegExp {
  let source = '';
  for (let index = 0; index < part.length; index += 1) {
    const character = part.charAt(index);
    const close = character === '[' ? part.indexOf(']', index + 2) : -1;
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (close !== -1) {
      source += `[${part
        .slice(index + 1, close)
        .replace(/\\/g, '\\\\')
        .replace(/\[/g, '\\[')}]`;
      index = close;
    } else if (character === '\\' && index + 1 < part.length) {
      index += 1;
      source += literally(part.charAt(index));
    } else source += literally(character);
  }
  return new RegExp(`^${source}$`, 'su');
}

function literally(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
}

async function followInside(context: string, path: string): Promise<ContextEntry | undefined> {
  const absolute = await realpath(join(context, path)).catch(ignoreAbsent);
  if (absolute === undefined) throw new Problem('BUILD_INPUT_INVALID', `${join(context, path)} is a link to nothing`);
  const inside = relative(context, absolute);
  if (inside === '..' || inside.startsWith(`..${sep}`)) {
    throw new Problem('BUILD_INPUT_INVALID', `${join(context, path)} leads outside of the build context, to ${absolute}`, {
      details: { path, leadsTo: absolute },
    });
  }
  return { path: inside.split(sep).join('/'), absolute, stats: await lstat(absolute) };
}

async function below(context: string, ignored: IgnoreRule, directory: string): Promise<ContextEntry[]> {
  const entries: ContextEntry[] = [];
  for (const name of (await readdir(join(context, directory))).sort()) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const absolute = join(context, path);
    const stats = await lstat(absolute);
    const inside = stats.isDirectory() ? await below(context, ignored, path) : [];
    if (!ignored(path) || inside.length > 0) entries.push({ path, absolute, stats });
    entries.push(...inside);
  }
  return entries;
}

function ignoreAbsent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== 'ENOENT' && thrown.code !== 'ENOTDIR') throw thrown;
}
