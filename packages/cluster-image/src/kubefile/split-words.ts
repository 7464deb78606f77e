import type { Word } from './kubefile.ts';
import { type KubefileSource, kubefileProblem } from './kubefile-problem.ts';
import type { LogicalText } from './logical-text.ts';

/** Splits at white space outside of quotes, escapes and `${…}`. The words keep their quotes; an open quote is KUBEFILE_INVALID. */
export function splitWords(source: KubefileSource, { text, positions }: LogicalText, escapeCharacter: string): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quote = '';
  let quotedAt = 0;
  let braces = 0;
  const finish = (end: number) => {
    const at = positions[start];
    if (start !== -1 && at) words.push({ raw: text.slice(start, end), at });
    start = -1;
  };
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote === '' && braces === 0 && /\s/.test(character)) {
      finish(index);
      continue;
    }
    if (start === -1) start = index;
    if (character === escapeCharacter && quote !== "'") index += 1;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") {
      quote = character;
      quotedAt = index;
    } else if (character === '{' && text[index - 1] === '$') braces += 1;
    else if (character === '}' && braces > 0) braces -= 1;
  }
  if (quote !== '')
    throw kubefileProblem(
      source,
      positions[quotedAt] ?? { line: 1, column: 1 },
      `this ${quote} is never closed; expected another ${quote}`,
    );
  finish(text.length);
  return words;
}
