import type { InstructionContext } from './instruction-context.ts';
import type { Assignment, Instruction, Word } from './kubefile.ts';
import { splitWords } from './split-words.ts';

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** ARG, ENV and LABEL: `NAME=VALUE…`; ENV and LABEL also in the old form `NAME VALUE`. */
export function parseAssignments(context: InstructionContext): Instruction {
  const { statement, base, source, escapeCharacter } = context;
  if (statement.keyword === 'ARG') {
    const words = splitWords(source, statement.rest, escapeCharacter);
    return { ...base, kind: 'arg', assignments: words.map((word) => parseArg(context, word)) };
  }
  const kind = statement.keyword === 'ENV' ? 'env' : 'label';
  const assignments =
    oldForm(context) ?? splitWords(source, statement.rest, escapeCharacter).map((word) => parsePair(context, word));
  if (kind === 'env') for (const { name } of assignments) checkVariableName(context, name);
  return { ...base, kind, assignments };
}

function oldForm({ statement }: InstructionContext): Assignment[] | undefined {
  const { text, positions } = statement.rest;
  const match = /^([^\s="']+)\s+(\S[\s\S]*)$/.exec(text);
  if (!match?.[1] || !match[2] || /^"?'?[^\s=]+=/.test(text)) return undefined;
  const valueStart = text.length - match[2].length;
  const at = (index: number) => positions[index] ?? statement.at;
  // The value runs to the end of the line with its blanks; quotes in it still count, as in Dockerfiles.
  return [{ name: { raw: match[1], at: at(0) }, value: { raw: match[2], at: at(valueStart) } }];
}

/** `NAME=VALUE`. */
export function parsePair(context: InstructionContext, word: Word): Assignment {
  const equals = word.raw.indexOf('=');
  if (equals < 1) throw context.fail(`"${word.raw}" is not NAME=VALUE`, word.at);
  return {
    name: { raw: word.raw.slice(0, equals), at: word.at },
    value: { raw: word.raw.slice(equals + 1), at: { line: word.at.line, column: word.at.column + equals + 1 } },
  };
}

function parseArg(context: InstructionContext, word: Word): { name: string; value?: Word } {
  if (!word.raw.includes('=')) {
    checkVariableName(context, word);
    return { name: word.raw };
  }
  const { name, value } = parsePair(context, word);
  checkVariableName(context, name);
  return { name: name.raw, value };
}

export function checkVariableName(context: InstructionContext, name: Word): void {
  if (!variableName.test(name.raw))
    throw context.fail(`"${name.raw}" is not a variable name; expected letters, digits and "_"`, name.at);
}
