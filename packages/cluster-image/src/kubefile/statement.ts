import type { Instruction as AstInstruction } from 'dockerfile-ast';
import type { Heredoc, Position } from './kubefile.ts';
import type { KubefileSource } from './kubefile-problem.ts';
import { type LogicalText, logicalText } from './logical-text.ts';

/** One instruction cut out of the file: keyword in capitals, what follows it, and the bodies of its heredocs. */
export interface Statement {
  readonly keyword: string;
  readonly written: string;
  readonly at: Position;
  readonly rest: LogicalText;
  readonly heredocs: readonly Heredoc[];
}

/** Takes the lines of an instruction that dockerfile-ast found in the file without its heredocs. */
export function readStatement(
  source: KubefileSource,
  ast: AstInstruction,
  escapeCharacter: string,
  heredocs: ReadonlyMap<number, readonly Heredoc[]>,
): Statement {
  const range = ast.getRange();
  const keywordRange = ast.getInstructionRange();
  const at = { line: range.start.line + 1, column: range.start.character + 1 };
  const start = { line: keywordRange.end.line + 1, column: keywordRange.end.character + 1 };
  const whole = logicalText(source.lines, start, range.end.line + 1, escapeCharacter);
  const leading = whole.text.length - whole.text.trimStart().length;
  const rest = { text: whole.text.slice(leading), positions: whole.positions.slice(leading) };
  return { keyword: ast.getKeyword(), written: ast.getInstruction(), at, rest, heredocs: heredocs.get(at.line) ?? [] };
}
