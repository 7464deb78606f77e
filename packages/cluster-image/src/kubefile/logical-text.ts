import type { Position } from './kubefile.ts';

/** Text without line continuations and the comments between them; `positions[i]` is the place of `text[i]` in the file. */
export interface LogicalText {
  readonly text: string;
  readonly positions: readonly Position[];
}

/** Joins the lines from `start` to the end of `lastLine` (1-based) as the Dockerfile format does. */
export function logicalText(lines: readonly string[], start: Position, lastLine: number, escapeCharacter: string): LogicalText {
  let text = '';
  const positions: Position[] = [];
  for (let line = start.line; line <= lastLine; line += 1) {
    const whole = lines[line - 1] ?? '';
    const from = line === start.line ? start.column - 1 : 0;
    const rest = whole.slice(from);
    if (line > start.line && (rest.trim() === '' || rest.trimStart().startsWith('#'))) continue;
    const kept = withoutContinuation(rest, escapeCharacter);
    for (let offset = 0; offset < kept.length; offset += 1) positions.push({ line, column: from + offset + 1 });
    text += kept;
  }
  const trimmed = text.trimEnd();
  return { text: trimmed, positions: positions.slice(0, trimmed.length) };
}

function withoutContinuation(line: string, escapeCharacter: string): string {
  const trimmed = line.trimEnd();
  return trimmed.endsWith(escapeCharacter) ? trimmed.slice(0, -escapeCharacter.length) : line;
}
