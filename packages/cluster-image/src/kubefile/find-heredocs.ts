import type { Heredoc } from './kubefile.ts';
import { type KubefileSource, kubefileProblem } from './kubefile-problem.ts';
import { type LogicalText, logicalText } from './logical-text.ts';

export interface FoundHeredocs {
  /** The file without heredocs, line for line and column for column, in which a parser finds the instructions. */
  readonly text: string;
  /** By the line on which their instruction begins, in the order of their marks. */
  readonly byLine: ReadonlyMap<number, readonly Heredoc[]>;
}

interface Mark {
  readonly name: string;
  readonly stripsTabs: boolean;
  readonly expand: boolean;
  /** Offset of `<<` in the logical text. */
  readonly offset: number;
}

const keywords = /^\s*(?:RUN|COPY|ADD)(?=\s)/i;

/**
 * Takes the heredocs of RUN, COPY and ADD out of a Kubefile. A body is what stands in the file, whatever its lines end with: only the line
 * with its name ends it (behind tabs for `<<-`). Throws KUBEFILE_INVALID at a heredoc without end.
 */
export function findHeredocs(source: KubefileSource, escapeCharacter: string): FoundHeredocs {
  const masked = [...source.lines];
  const byLine = new Map<number, Heredoc[]>();
  let line = 1;
  while (line <= source.lines.length) {
    const text = source.lines[line - 1] ?? '';
    const last = isSkipped(text) ? line : lastLineOf(source.lines, line, escapeCharacter);
    let next = last + 1;
    if (!isSkipped(text) && keywords.test(text)) {
      const logical = logicalText(source.lines, { line, column: 1 }, last, escapeCharacter);
      const heredocs: Heredoc[] = [];
      for (const mark of marksIn(logical, escapeCharacter)) {
        const { heredoc, end } = readBody(source, logical, mark, next);
        heredocs.push(heredoc);
        for (let masking = next; masking <= end; masking += 1) masked[masking - 1] = '';
        next = end + 1;
      }
      if (heredocs.length > 0) byLine.set(line, heredocs);
    }
    line = next;
  }
  // Nor shall that parser take a shift or a here-string for one.
  return { text: masked.join('\n').replaceAll('<<', '__'), byLine };
}

function isSkipped(line: string): boolean {
  return line.trim() === '' || line.trimStart().startsWith('#');
}

/** The last line of the instruction that begins on `first`; comments and empty lines within do not end it. */
function lastLineOf(lines: readonly string[], first: number, escapeCharacter: string): number {
  let last = first;
  for (let line = first; line <= lines.length; line += 1) {
    const text = lines[line - 1] ?? '';
    if (line > first && isSkipped(text)) continue;
    last = line;
    if (!text.trimEnd().endsWith(escapeCharacter)) break;
  }
  return last;
}

/** `<<NAME`, `<<-NAME`, `<<"NAME"` at the beginning of a word, outside of quotes; digits before it are a file descriptor. */
function marksIn({ text }: LogicalText, escapeCharacter: string): Mark[] {
  const marks: Mark[] = [];
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote !== '') {
      if (character === escapeCharacter && quote === '"') index += 1;
      else if (character === quote) quote = '';
      continue;
    }
    const atWord = index === 0 || /\s/.test(text.charAt(index - 1));
    const match = atWord ? /^(\d*)<<(-?)(?:"([^"<]+)"|'([^'<]+)'|([^\s"'|&;<>()]+))/.exec(text.slice(index)) : null;
    if (match) {
      const [whole, descriptor = '', dash, double, single, plain] = match;
      const name = double ?? single ?? plain ?? '';
      marks.push({ name, stripsTabs: dash === '-', expand: plain !== undefined, offset: index + descriptor.length });
      index += whole.length - 1;
    } else if (character === escapeCharacter) index += 1;
    else if (character === '"' || character === "'") quote = character;
  }
  return marks;
}

function readBody(
  source: KubefileSource,
  { positions }: LogicalText,
  { name, stripsTabs, expand, offset }: Mark,
  first: number,
): { heredoc: Heredoc; end: number } {
  const at = positions[offset] ?? { line: first, column: 1 };
  const body: string[] = [];
  for (let line = first; line <= source.lines.length; line += 1) {
    const written = source.lines[line - 1] ?? '';
    const text = stripsTabs ? written.replace(/^\t+/, '') : written;
    if (text === name) return { heredoc: { name, body: body.map((each) => `${each}\n`).join(''), expand, at }, end: line };
    body.push(text);
  }
  throw kubefileProblem(source, at, `the heredoc <<${name} has no end; expected a line "${name}"`);
}
