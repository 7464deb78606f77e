import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ignore from 'ignore';

/** Whether a path of the context (relative, `/`) is left out of the build. */
export type IgnoreRule = (path: string) => boolean;

const fileNames = ['.sealignore', '.dockerignore'];

/**
 * Reads `.sealignore`, else `.dockerignore`, of the context. Its rules are Docker's: patterns stand for paths from the root of the context,
 * `**` for any number of directories, a later `!pattern` takes back, also below a directory that was left out.
 */
export async function readIgnoreFile(context: string): Promise<IgnoreRule> {
  for (const name of fileNames) {
    const text = await readFile(join(context, name), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return undefined;
      throw thrown;
    });
    if (text !== undefined) return ignoreRules(text);
  }
  return () => false;
}

/** The rules of the text of an ignore file. */
export function ignoreRules(text: string): IgnoreRule {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(toRule);
  // One matcher per rule: gitignore, which the library follows, cannot take back what lies below a directory it left out.
  return (path) => rules.reduce((ignored, { takesBack, matches }) => (matches(path) ? !takesBack : ignored), false);
}

function toRule(line: string): { takesBack: boolean; matches: (path: string) => boolean } {
  const takesBack = line.startsWith('!');
  const pattern = (takesBack ? line.slice(1) : line)
    .trim()
    .replace(/^(?:\.?\/)+/, '')
    .replace(/\/+$/, '');
  const matcher = ignore({ ignorecase: false }).add(pattern === '.' || pattern === '' ? '/**' : `/${pattern}`);
  return { takesBack, matches: (path) => matcher.ignores(path) };
}
