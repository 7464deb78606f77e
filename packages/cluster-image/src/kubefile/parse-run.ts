import type { InstructionContext } from './instruction-context.ts';
import type { RunInstruction } from './kubefile.ts';
import { readJsonList } from './read-json-list.ts';
import { splitWords } from './split-words.ts';
import { takeFlags } from './take-flags.ts';

const refusedFlags = {
  mount:
    'RUN has no mounts of caches, secrets or other files; COPY what it needs, and keep secrets out of images: fetch with them before the build',
  security: 'RUN has no privileged mode',
  device: 'RUN sees no devices of the build host',
};

/** RUN: a shell line, a JSON list, `RUN <<EOF` whose body is the script, or a shell line that reads heredocs. */
export function parseRun(context: InstructionContext): RunInstruction {
  const { statement, source, base } = context;
  const { text, positions } = statement.rest;
  // Only the flags are words; the command belongs to the shell, so its quotes are not looked at.
  const flagged = /^(?:--\S+\s+)*/.exec(text)?.[0].length ?? 0;
  const head = { text: text.slice(0, flagged).trimEnd(), positions: positions.slice(0, flagged) };
  const { flags } = takeFlags(context, splitWords(source, head, context.escapeCharacter), ['network'], refusedFlags);
  const network = flags.get('network');
  if (network && network.raw !== 'none' && network.raw !== 'default')
    throw context.fail(`--network=${network.raw} is not known; expected --network=none or --network=default`, network.at);
  const command = text.slice(flagged);
  if (command === '' || command.startsWith('--'))
    throw context.fail('RUN has no command; expected RUN [--network=none] COMMAND', positions[flagged]);
  const argv = command.startsWith('[') ? readJsonList(command) : undefined;
  const chosen = { ...base, kind: 'run' as const, network: network?.raw === 'none' ? ('none' as const) : ('default' as const) };
  if (argv && argv.length > 0) return { ...chosen, command: { form: 'exec', argv } };
  return { ...chosen, command: shellCommand(command, context) };
}

function shellCommand(command: string, { statement: { heredocs } }: InstructionContext): RunInstruction['command'] {
  if (heredocs.length === 0) return { form: 'shell', script: command };
  const [first] = heredocs;
  const onlyHeredocs = /^(?:<<-?(?:"[^"]*"|'[^']*'|[^\s"'|&;<>()]+)\s*)+$/.test(command);
  if (onlyHeredocs && heredocs.length === 1 && first?.body.startsWith('#!')) return { form: 'program', text: first.body };
  if (onlyHeredocs) return { form: 'shell', script: heredocs.map(({ body }) => body).join('') };
  return { form: 'shell', script: `${command}\n${heredocs.map(({ body, name }) => `${body}${name}\n`).join('')}` };
}
