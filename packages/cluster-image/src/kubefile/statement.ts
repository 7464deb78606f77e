import type { Instruction as AstInstruction, Copy, Run } from 'dockerfile-ast';
import type { Heredoc, Position } from './kubefile.ts';
import { type KubefileSource, kubefileProblem } from './kubefile-problem.ts';
import { type LogicalText, logicalText } from './logical-text.ts';

/** One instruction cut out of the file: keyword in capitals, what follows it, and the bodies of its heredocs. */
export interface Statement {
  readonly keyword: string;
  readonly written: string;
  readonly at: Position;
  readonly rest: LogicalText;
  readonly heredocs: readonly Heredoc[];
}

/** Takes the lines of an instruction that dockerfile-ast found. Throws KUBEFILE_INVALID where a heredoc has no end. */
export function readStatement(source: KubefileSource, ast: AstInstruction, escapeCharacter: string): Statement {
  const range = ast.getRange();
  const keywordRange = ast.getInstructionRange();
  const keyword = ast.getKeyword();
  const at = { line: range.start.line + 1, column: range.start.character + 1 };
  const start = { line: keywordRange.end.line + 1, column: keywordRange.end.character + 1 };
  const isHeredocKeyword = keyword === 'RUN' || keyword === 'COPY' || keyword === 'ADD';
  const marks = isHeredocKeyword ? readMarks(source, ast as Copy | Run, at) : [];
  const [firstMark] = marks;
  const headLine = firstMark ? firstMark.getStartRange().start.line + 1 : range.end.line + 1;
  const whole = logicalText(source.lines, start, headLine, escapeCharacter);
  const leading = whole.text.length - whole.text.trimStart().length;
  const rest = { text: whole.text.slice(leading), positions: whole.positions.slice(leading) };
  const heredocs: Heredoc[] = [];
  let bodyLine = headLine + 1;
  for (const mark of marks) {
    const opened = mark.getStartRange().start;
    const where = { line: opened.line + 1, column: opened.character + 1 };
    const end = mark.getDelimiterRange()?.start.line;
    if (end === undefined) {
      throw kubefileProblem(source, where, `the heredoc <<${mark.getName()} has no end; expected a line "${mark.getName()}"`);
    }
    heredocs.push(readHeredoc(source, where, mark.getName(), bodyLine, end));
    bodyLine = end + 2;
  }
  return { keyword, written: ast.getInstruction(), at, rest, heredocs };
}

/** dockerfile-ast 0.7 joins body lines that end with the escape character, and then fails where it does not find the end of the heredoc. */
function readMarks(source: KubefileSource, ast: Copy | Run, at: Position): ReturnType<Run['getHeredocs']> {
  try {
    return ast.getHeredocs();
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw kubefileProblem(
      source,
      at,
      'a heredoc of this instruction has no end that can be found; expected a line with its name, after a line that does not end with the escape character',
    );
  }
}

/** Lines `first` to `end` (1-based, `end` exclusive of the delimiter's own line, which is `end + 1`). */
function readHeredoc(source: KubefileSource, at: Position, name: string, first: number, end: number): Heredoc {
  const opening = (source.lines[at.line - 1] ?? '').slice(at.column - 1);
  const stripsTabs = opening.startsWith('<<-');
  const quoted = /^<<-?["']/.test(opening);
  const lines = source.lines.slice(first - 1, end).map((line) => (stripsTabs ? line.replace(/^\t+/, '') : line));
  return { name, body: lines.length === 0 ? '' : `${lines.join('\n')}\n`, expand: !quoted, at };
}
