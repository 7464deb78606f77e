import { lstat, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { newId, Problem, systemRandom } from '@seal/foundation';

const usualDirectories = ['etc', 'manifests', 'charts', 'scripts'];
const suffix = '.tmpl';

/**
 * Renders every `*.tmpl` below etc/, manifests/, charts/ and scripts/ of a rootfs (or the directories that are named) to the same name without
 * `.tmpl`, with the template's mode. The templates stay, so it can be done again. Known are `{{ .Name }}`, `{{- .Name -}}` (which trims blanks on that side) and
 * comments between slash-star and star-slash. Symbolic links are not followed. All templates are rendered before the first file is written.
 * Gives the rendered paths, sorted. Throws TEMPLATE_INVALID with file, line and variable; also for a variable without value, where Go would
 * write "<no value>" into a script.
 */
export async function renderTemplates(
  rootfs: string,
  env: Readonly<Record<string, string>>,
  directories: readonly string[] = usualDirectories,
): Promise<string[]> {
  const templates: string[] = [];
  for (const directory of directories) await findTemplates(rootfs, directory, templates);
  const rendered: { path: string; text: string; mode: number }[] = [];
  for (const path of templates.sort()) {
    const text = renderTemplate(await readFile(join(rootfs, path), 'utf8'), env, path);
    const { mode } = await lstat(join(rootfs, path));
    rendered.push({ path: path.slice(0, -suffix.length), text, mode: mode & 0o777 });
  }
  for (const { path, text, mode } of rendered) await replaceFile(join(rootfs, path), text, mode);
  return rendered.map(({ path }) => path);
}

/** Renders one text. `file` is the name for messages. Throws TEMPLATE_INVALID. */
export function renderTemplate(template: string, env: Readonly<Record<string, string>>, file: string): string {
  let output = '';
  let position = 0;
  let trimNext = false;
  for (;;) {
    const start = template.indexOf('{{', position);
    const literal = template.slice(position, start === -1 ? undefined : start);
    const left = trimNext ? literal.trimStart() : literal;
    if (start === -1) return output + left;
    const line = template.slice(0, start).split('\n').length;
    const end = template.indexOf('}}', start);
    if (end === -1) throw invalid(file, line, '"{{" is never closed; expected "}}"');
    const inner = template.slice(start + 2, end);
    const trimsBefore = /^-\s/.test(inner);
    trimNext = /\s-$/.test(inner);
    output += trimsBefore ? left.trimEnd() : left;
    output += valueOfAction(inner.slice(trimsBefore ? 1 : 0, trimNext ? -1 : undefined).trim(), env, file, line);
    position = end + 2;
  }
}

function valueOfAction(action: string, env: Readonly<Record<string, string>>, file: string, line: number): string {
  if (action.startsWith('/*') && action.endsWith('*/')) return '';
  const name = /^\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(action)?.[1];
  if (name === undefined) throw invalid(file, line, `"{{ ${action} }}" is not supported; expected {{ .Name }}`);
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) throw invalid(file, line, `the variable ${name} has no value`, name);
  return value;
}

async function findTemplates(rootfs: string, directory: string, found: string[]): Promise<void> {
  const here = await lstat(join(rootfs, directory)).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (!here?.isDirectory()) return;
  for (const entry of await readdir(join(rootfs, directory), { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) await findTemplates(rootfs, path, found);
    else if (entry.isFile() && entry.name.endsWith(suffix) && entry.name !== suffix) found.push(path);
  }
}

/** Written beside and renamed: where an image put a link at that name, the link is replaced and not followed. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const beside = join(dirname(path), `.${basename(path).slice(0, 200)}.${newId('t', systemRandom)}`);
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

function invalid(file: string, line: number, why: string, variable?: string): Problem {
  return new Problem('TEMPLATE_INVALID', `${file}:${line}: ${why}`, {
    details: { file, line, ...(variable ? { variable } : {}) },
  });
}
