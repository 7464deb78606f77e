import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The real path of `written` inside `root`, with every symbolic link on the way followed as if `root` were `/`; undefined where something
 * is missing or 40 links are not enough. Only for a root that nobody changes meanwhile.
 */
export async function resolveInside(root: string, written: string): Promise<string | undefined> {
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
    const path = join(root, ...done, part);
    const found = await lstat(path).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return undefined;
      throw thrown;
    });
    if (!found) return undefined;
    if (!found.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > 40) return undefined;
    const target = await readlink(path);
    if (target.startsWith('/')) done.length = 0;
    rest.push(...target.split('/').reverse());
  }
  return join(root, ...done);
}
