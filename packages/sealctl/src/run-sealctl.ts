import { existsSync } from 'node:fs';
import { Problem } from '@seal/foundation';
import { CommanderError } from 'commander';
import { type Cli, makeCli } from './cli.ts';
import { ExitWith } from './exit-with.ts';
import type { Io } from './io.ts';
import { makeProgram } from './program.ts';
import { problemLines } from './view/problem-lines.ts';

/** Runs one sealctl command line (without node and script) and gives the exit code. Whatever goes wrong is told on stderr. */
export async function runSealctl(argv: readonly string[], io: Io): Promise<number> {
  const cli = makeCli(io, argv);
  const complaints: string[] = [];
  try {
    const program = await makeProgram(cli, (text) => complaints.push(text));
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof ExitWith) return thrown.code;
    if (thrown instanceof CommanderError) return endOfParsing(cli, thrown, complaints);
    return showProblem(cli, withWayIn(cli, Problem.from(thrown)), thrown);
  } finally {
    cli.close();
  }
}

/** Commander ends with an error also after --help; a group without its verb shows its help, as an error. */
function endOfParsing(cli: Cli, error: CommanderError, complaints: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') {
    cli.io.stderr.write(complaints.join(''));
    return 2;
  }
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const guess = suggestion?.replace(/^\(/, '').replace(/\)$/, '');
  const verbs = verbsOf(cli.argv).slice(0, error.code === 'commander.unknownCommand' ? -1 : undefined);
  if (error.code === 'commander.excessArguments' && verbs[0] === 'delete')
    return showProblem(
      cli,
      new Problem('USAGE', 'delete takes no argument', {
        remedy: 'The cluster goes behind --cluster ("sealctl delete -a --cluster demo"), hosts go behind -m and -n.',
      }),
      error,
    );
  const help = `See "sealctl ${[...verbs, '--help'].join(' ')}".`;
  // Flags were not all read when the command line is wrong.
  if (/(^|\s)(-o\s?|--output[= ])json(\s|$)/.test(cli.argv.join(' '))) cli.format = 'json';
  return showProblem(cli, new Problem('USAGE', message, { remedy: guess ? `${guess} ${help}` : help }), error);
}

const groups = new Set(['plan', 'nodes', 'token', 'operation', 'context', 'registry']);

/** The verb that was meant, as far as one can tell from a command line that cannot be read. */
function verbsOf(argv: readonly string[]): readonly string[] {
  const [verb, sub] = argv;
  if (verb === undefined || verb.startsWith('-')) return [];
  return groups.has(verb) && sub !== undefined && /^[a-z-]+$/.test(sub) && !sub.startsWith('-') ? [verb, sub] : [verb];
}

/** Root on the server may do everything through the local socket, whatever the context may not. */
function withWayIn(cli: Cli, problem: Problem): Problem {
  if (problem.code !== 'PERMISSION_DENIED' || cli.io.uid !== 0 || !existsSync(cli.io.localSocket)) return problem;
  return new Problem(problem.code, problem.message, {
    remedy: `${problem.remedy} As root on this machine the local socket is open to you: add "--context local".`,
    details: problem.details,
    cause: problem,
  });
}

function showProblem(cli: Cli, problem: Problem, thrown: unknown): number {
  if (cli.format === 'json') cli.io.stderr.write(`${JSON.stringify({ problem, exitCode: problem.exitCode })}\n`);
  else cli.io.stderr.write(`${problemLines(problem, cli.errorPaint).join('\n')}\n`);
  if (cli.io.env.SEAL_DEBUG === '1' && thrown instanceof Error) cli.io.stderr.write(`${stackOf(thrown)}\n`);
  return problem.exitCode;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
