import type { Position } from './kubefile.ts';
import type { KubefileSource } from './kubefile-problem.ts';
import type { Statement } from './statement.ts';

/** What the parsers of the single instructions share. */
export interface InstructionContext {
  readonly statement: Statement;
  readonly source: KubefileSource;
  readonly escapeCharacter: string;
  readonly base: { readonly at: Position; readonly text: string };
  /** A Problem at a place of this instruction; without place at its keyword. */
  fail(message: string, at?: Position): Error;
}
