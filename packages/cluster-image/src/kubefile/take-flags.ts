import type { InstructionContext } from './instruction-context.ts';
import type { Word } from './kubefile.ts';
import { kubefileProblem } from './kubefile-problem.ts';

/** Why a flag of Dockerfiles is refused where there is no better reason. */
export const notYet = 'it is not supported yet by this version of Seal';

/**
 * Takes the leading `--name=value` words away. `known` are read; `refused` are Dockerfile flags that are refused by name, each with its reason.
 * Only `--link` stands without a value, which is then "true". Throws KUBEFILE_INVALID, KUBEFILE_UNSUPPORTED.
 */
export function takeFlags(
  context: InstructionContext,
  words: readonly Word[],
  known: readonly string[],
  refused: Readonly<Record<string, string>>,
): { flags: ReadonlyMap<string, Word>; words: readonly Word[] } {
  const flags = new Map<string, Word>();
  let index = 0;
  for (; index < words.length; index += 1) {
    const word = words[index];
    if (!word?.raw.startsWith('--')) break;
    const equals = word.raw.indexOf('=');
    const name = word.raw.slice(2, equals === -1 ? undefined : equals);
    if (Object.hasOwn(refused, name)) {
      throw kubefileProblem(
        context.source,
        word.at,
        `${context.statement.keyword} --${name} is not supported: ${refused[name]}`,
        'KUBEFILE_UNSUPPORTED',
      );
    }
    if (!known.includes(name)) {
      const expected = known.length > 0 ? `expected ${known.map((flag) => `--${flag}`).join(', ')}` : 'it takes none';
      throw context.fail(`${context.statement.keyword} has no flag --${name}; ${expected}`, word.at);
    }
    if (flags.has(name)) throw context.fail(`--${name} is given twice`, word.at);
    if (equals === -1 && name !== 'link') throw context.fail(`--${name} needs a value; expected --${name}=…`, word.at);
    const value = equals === -1 ? 'true' : word.raw.slice(equals + 1);
    flags.set(name, { raw: value, at: { line: word.at.line, column: word.at.column + (equals === -1 ? 0 : equals + 1) } });
  }
  return { flags, words: words.slice(index) };
}
