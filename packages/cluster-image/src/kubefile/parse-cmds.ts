import type { InstructionContext } from './instruction-context.ts';
import type { Instruction } from './kubefile.ts';
import { readJsonList } from './read-json-list.ts';

/**
 * CMD and CMDS as shell lines. `CMDS ["a", "b"]` is two lines, `CMD ["p", "x"]` one command with its arguments, `CMD ["p x"]` the line as
 * it stands (sealer's files have both), `CMD p x` the line. `CMD ["p x", "q y"]` is two lines, as sealos' files have it: no program has a blank in its name.
 */
export function parseCmds(context: InstructionContext): Instruction {
  const { statement, base } = context;
  const { text } = statement.rest;
  const list = text.startsWith('[') ? readJsonList(text) : undefined;
  if (text.startsWith('[') && !list && (statement.keyword === 'CMDS' || /^\[\s*["']/.test(text)))
    throw context.fail(
      `this is not a JSON list of texts; expected ${statement.keyword} ["…", "…"] with double quotes`,
      statement.rest.positions[0],
    );
  if (list?.length === 0) throw context.fail(`the list of ${statement.keyword} is empty`, statement.rest.positions[0]);
  if (!list) return { ...base, kind: 'cmds', lines: [text] };
  if (statement.keyword === 'CMDS' || list.length === 1 || /\s/.test(list[0] ?? ''))
    return { ...base, kind: 'cmds', lines: list };
  return { ...base, kind: 'cmds', lines: [list.map(shellQuote).join(' ')] };
}

function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
