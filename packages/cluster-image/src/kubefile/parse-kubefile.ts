import { type Instruction as AstInstruction, DockerfileParser } from 'dockerfile-ast';
import { findHeredocs } from './find-heredocs.ts';
import type { Instruction, Kubefile } from './kubefile.ts';
import { kubefileProblem } from './kubefile-problem.ts';
import { parseInstruction } from './parse-instruction.ts';
import { readStatement } from './statement.ts';

/**
 * Reads a Kubefile. `file` is the name that messages show. Throws KUBEFILE_INVALID, or KUBEFILE_UNSUPPORTED for what Seal knows and does
 * not do yet, each with file, line, column, the line and a caret. Variables are not expanded: that is the builder's part.
 */
export function parseKubefile(text: string, file = 'Kubefile'): Kubefile {
  const normalised = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const lines = normalised.split('\n');
  const source = { file, lines };
  const escapeCharacter = DockerfileParser.parse(directives(lines)).getEscapeCharacter();
  const { text: withoutHeredocs, byLine } = findHeredocs(source, escapeCharacter);
  const instructions = DockerfileParser.parse(withoutHeredocs)
    .getInstructions()
    .map((instruction: AstInstruction) =>
      parseInstruction(readStatement(source, instruction, escapeCharacter, byLine), source, escapeCharacter),
    );
  checkFrom(instructions, source);
  checkLaunch(instructions, source);
  return { ...source, escapeCharacter, instructions };
}

/** The comments at the top of the file, where alone `# escape=` counts. */
function directives(lines: readonly string[]): string {
  const end = lines.findIndex((line) => !line.trimStart().startsWith('#'));
  return lines.slice(0, end === -1 ? lines.length : end).join('\n');
}

/** What runs once the cluster is up is said in one way: by LAUNCH or by CMD and CMDS. */
function checkLaunch(instructions: readonly Instruction[], source: { file: string; lines: readonly string[] }): void {
  const [launch, again] = instructions.filter(({ kind }) => kind === 'launch');
  if (again) throw kubefileProblem(source, again.at, 'a second LAUNCH; name every app in one');
  const cmds = instructions.find(({ kind }) => kind === 'cmds');
  if (launch && cmds)
    throw kubefileProblem(
      source,
      launch.at.line > cmds.at.line ? launch.at : cmds.at,
      'LAUNCH and CMD (CMDS) exclude each other; write one of them',
    );
}

function checkFrom(instructions: readonly Instruction[], source: { file: string; lines: readonly string[] }): void {
  const first = instructions.find((instruction) => instruction.kind !== 'arg');
  if (!first)
    throw kubefileProblem(source, { line: 1, column: 1 }, 'there is no instruction; expected FROM scratch or FROM IMAGE');
  if (first.kind !== 'from')
    throw kubefileProblem(source, first.at, 'the first instruction must be FROM; only ARG may stand before it');
  const second = instructions.find((instruction) => instruction.kind === 'from' && instruction !== first);
  if (second)
    throw kubefileProblem(
      source,
      second.at,
      'a second FROM (build stages) is not supported yet by this version; expected one FROM',
      'KUBEFILE_UNSUPPORTED',
    );
}
