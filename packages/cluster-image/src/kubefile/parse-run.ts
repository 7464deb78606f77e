import type { RunInstruction } from './kubefile.ts';
import { kubefileProblem } from './kubefile-problem.ts';
import type { InstructionContext } from './parse-instruction.ts';
import { readJsonList } from './read-json-list.ts';
import { splitWords } from './split-words.ts';
import { takeFlags } from './take-flags.ts';

const flagsForLater = ['mount', 'security', 'device'];

/** RUN: a shell line, a JSON list, `RUN <<EOF` whose body is the script, or a shell line that reads heredocs. */
export function parseRun(context: InstructionContext): RunInstruction {
  const { statement, source, base } = context;
  const { text, positions } = statement.rest;
  // Only the flags are words; the command belongs to the shell, so its quotes are not looked at.
  const flagged = /^(?:--\S+\s+)*/.exec(text)?.[0].length ?? 0;
  const head = { text: text.slice(0, flagged).trimEnd(), positions: positions.slice(0, flagged) };
  const { flags } = takeFlags(context, splitWords(source, head, context.escapeCharacter), ['network'], flagsForLater);
  const network = flags.get('network');
  if (network && network.raw !== 'none' && network.raw !== 'default')
    throw context.fail(`--network=${network.raw} is not known; expected --network=none or --network=default`, network.at);
  const command = text.slice(flagged);
  if (command === '' || command.startsWith('--'))
    throw context.fail('RUN has no command; expected RUN [--network=none] COMMAND', positions[flagged]);
  const argv = command.startsWith('[') ? readJsonList(command) : undefined;
  const chosen = { ...base, kind: 'run' as const, network: network?.raw === 'none' ? ('none' as const) : ('default' as const) };
  if (argv && argv.length > 0) return { ...chosen, command: { form: 'exec', argv } };
  return { ...chosen, command: { form: 'shell', script: shellScript(command, context) } };
}

function shellScript(command: string, { statement, source }: InstructionContext): string {
  const { heredocs } = statement;
  if (heredocs.length === 0) return command;
  const onlyHeredocs = /^(?:<<-?\s*(?:"[^"]*"|'[^']*'|[^\s"'|&;<>()]+)\s*)+$/.test(command);
  if (onlyHeredocs && heredocs[0]?.body.startsWith('#!')) {
    const message = 'a script with an interpreter line (#!) is not supported yet by this version of Seal; it runs with /bin/sh';
    throw kubefileProblem(source, heredocs[0].at, message, 'KUBEFILE_UNSUPPORTED');
  }
  if (onlyHeredocs) return heredocs.map(({ body }) => body).join('');
  return `${command}\n${heredocs.map(({ body, name }) => `${body}${name}\n`).join('')}`;
}
