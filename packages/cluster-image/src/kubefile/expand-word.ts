import type { Position, Word } from './kubefile.ts';
import { type KubefileSource, kubefileProblem } from './kubefile-problem.ts';

export interface ExpandOptions {
  readonly source: KubefileSource;
  readonly escapeCharacter: string;
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The value of a word as Dockerfiles have it: quotes and escapes taken away, `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`,
 * `${NAME:+word}`, `${NAME+word}`, `${NAME:?message}` replaced; not inside single quotes. An unknown name is the empty text.
 * Throws KUBEFILE_INVALID for other forms of `${…}`.
 */
export function expandWord(word: Word, options: ExpandOptions): string {
  return expand(word.raw, word.at, options, true);
}

/** The same for the body of a heredoc: quotes are plain characters there, an escape counts only before `$` and itself. */
export function expandText(text: string, at: Position, options: ExpandOptions): string {
  return expand(text, at, options, false);
}

function expand(raw: string, at: Position, options: ExpandOptions, unquote: boolean): string {
  let value = '';
  let index = 0;
  let inDouble = false;
  while (index < raw.length) {
    const character = raw.charAt(index);
    const next = raw.charAt(index + 1);
    if (unquote && character === "'" && !inDouble) {
      const end = raw.indexOf("'", index + 1);
      if (end === -1) throw kubefileProblem(options.source, at, "a ' is never closed; expected another '");
      value += raw.slice(index + 1, end);
      index = end + 1;
    } else if (unquote && character === '"') {
      inDouble = !inDouble;
      index += 1;
    } else if (character === options.escapeCharacter && next !== '') {
      const taken = unquote
        ? !inDouble || ['"', '$', options.escapeCharacter].includes(next)
        : ['$', options.escapeCharacter].includes(next);
      value += taken ? next : character + next;
      index += 2;
    } else if (character === '$') {
      const variable = readVariable(raw, index, at, options);
      value += variable.value;
      index = variable.end;
    } else {
      value += character;
      index += 1;
    }
  }
  return value;
}

function readVariable(raw: string, dollar: number, at: Position, options: ExpandOptions): { value: string; end: number } {
  const here = { line: at.line, column: at.column + dollar };
  if (raw[dollar + 1] !== '{') {
    const name = /^[A-Za-z_][A-Za-z0-9_]*|^[0-9]/.exec(raw.slice(dollar + 1))?.[0];
    if (name === undefined) return { value: '$', end: dollar + 1 };
    return { value: variableValue(options, name) ?? '', end: dollar + 1 + name.length };
  }
  const end = closingBrace(raw, dollar + 2);
  if (end === -1) throw kubefileProblem(options.source, here, `"\${" is never closed; expected "}"`);
  const inner = raw.slice(dollar + 2, end);
  const match = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([\s\S]*))?$/.exec(inner);
  if (!match?.[1]) {
    throw kubefileProblem(
      options.source,
      here,
      `"\${${inner}}" is not understood; expected \${NAME}, \${NAME:-default} or \${NAME:+other}`,
    );
  }
  const [, name, operator, word = ''] = match;
  const known = variableValue(options, name);
  const present = operator?.startsWith(':') ? known !== undefined && known !== '' : known !== undefined;
  const wordValue = () => expand(word, { line: at.line, column: at.column + dollar + 2 + name.length }, options, true);
  if (operator?.endsWith('-')) return { value: present ? (known ?? '') : wordValue(), end: end + 1 };
  if (operator?.endsWith('+')) return { value: present ? wordValue() : '', end: end + 1 };
  if (operator?.endsWith('?') && !present)
    throw kubefileProblem(options.source, here, `${name} has no value: ${wordValue() || 'expected one by ARG or ENV'}`);
  return { value: known ?? '', end: end + 1 };
}

function variableValue(options: ExpandOptions, name: string): string | undefined {
  return Object.hasOwn(options.variables, name) ? options.variables[name] : undefined;
}

function closingBrace(raw: string, from: number): number {
  let depth = 1;
  for (let index = from; index < raw.length; index += 1) {
    if (raw[index] === '{' && raw[index - 1] === '$') depth += 1;
    if (raw[index] === '}') depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}
