import { Problem, type ProblemCode } from '@seal/foundation';
import type { Position } from './kubefile.ts';

/** Where a message about a Kubefile points to: the file's name and its lines. */
export interface KubefileSource {
  readonly file: string;
  readonly lines: readonly string[];
}

/** A Problem with `file:line:column`, the line and a caret below the place. */
export function kubefileProblem(
  source: KubefileSource,
  at: Position,
  message: string,
  code: ProblemCode = 'KUBEFILE_INVALID',
): Problem {
  const line = source.lines[at.line - 1] ?? '';
  const number = String(at.line);
  const indent = line.slice(0, at.column - 1).replace(/[^\t]/g, ' ');
  const shown = `${number} | ${line}\n${' '.repeat(number.length)} | ${indent}^`;
  return new Problem(code, `${source.file}:${at.line}:${at.column}: ${message}\n${shown}`, {
    details: { file: source.file, line: at.line, column: at.column },
  });
}
