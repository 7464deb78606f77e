import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { newestByDefault, newestOperation } from '../newest-operation.ts';
import { eventFormatOption, examples } from '../options.ts';
import { cleanText } from '../view/clean-text.ts';
import { displayWidth, padWidth } from '../view/display-width.ts';
import { applyItem, newProgress, nodeName, type Progress } from '../view/progress.ts';

interface LogFlags {
  readonly follow?: boolean;
  readonly node?: string;
  readonly phase?: string;
}

/** `sealctl operation logs ID [-f]`: the output of the steps, prefixed by node; headings name the step where it changes. */
export function addOperationLogs(operation: Command, cli: Cli): void {
  operation
    .command('logs')
    .description("Print the output of an operation's steps, each line prefixed by its node.")
    .argument('[id]', newestByDefault)
    .option('-f, --follow', 'go on until the operation has finished')
    .option('--node <name>', 'only of this node (name or address)')
    .option('--phase <name>', 'only of this phase')
    .addOption(eventFormatOption(cli))
    .addHelpText('after', examples('sealctl operation logs op-7f3k9q2m', 'sealctl operation logs -f op-7f3k9q2m --node n1'))
    .action(async (id: string | undefined, flags: LogFlags) => logs(cli, id ?? (await newestOperation(cli)), flags));
}

async function logs(cli: Cli, id: string, flags: LogFlags): Promise<void> {
  const stop = new AbortController();
  const restore = cli.io.onInterrupt(() => stop.abort());
  const client = await cli.connect();
  let progress: Progress | undefined;
  let last = '';
  try {
    const items = client.watch(id, {
      outputs: true,
      follow: flags.follow === true,
      signal: stop.signal,
      onConnectionLost: (problem) => cli.note(`connection lost, trying again (${problem.message})`),
    });
    for await (const item of items) {
      if (item.kind === 'plan') {
        progress = newProgress(id, item.plan);
        continue;
      }
      const lines = progress ? applyItem(progress, item) : [];
      if (!progress || item.kind !== 'output' || !isWanted(progress, item.output.step, flags)) continue;
      last = printLines(cli, progress, item.output, lines, last);
    }
    if (progress) printRests(cli, progress, flags, last);
  } finally {
    restore();
  }
}

interface Origin {
  readonly step: string;
  readonly attempt: number;
  readonly stream: number;
}

/** Prints lines and gives the step they are of; a line before them says which step it is where that changes. */
function printLines(cli: Cli, progress: Progress, origin: Origin, lines: readonly string[], last: string): string {
  if (lines.length === 0) return last;
  const { step: id, attempt, stream } = origin;
  const step = progress.steps.get(id)?.step;
  const node = nodeName(progress, step?.node ?? '');
  if (cli.format === 'json') {
    for (const text of lines) cli.out(JSON.stringify({ node, step: id, title: step?.title, attempt, stream, text }));
    return id;
  }
  const width = Math.max(...progress.plan.nodes.map((other) => displayWidth(nodeName(progress, other.id))));
  const prefix = `${padWidth(node, width)} | `;
  const key = `${id}/${attempt}`;
  if (key !== last)
    cli.out(cli.paint('bold', `${prefix}${cleanText(step?.title ?? id)}${attempt > 1 ? ` (attempt ${attempt})` : ''}`));
  cli.out(...lines.map((line) => `${prefix}${cleanText(line)}`));
  return key;
}

/** Output whose last line has no end of line. */
function printRests(cli: Cli, progress: Progress, flags: LogFlags, last: string): void {
  let before = last;
  for (const [key, reader] of progress.readers) {
    const [step = '', attempt, stream] = key.split('/');
    if (isWanted(progress, step, flags))
      before = printLines(cli, progress, { step, attempt: Number(attempt), stream: Number(stream) }, reader.end(), before);
  }
}

function isWanted(progress: Progress, id: string, flags: LogFlags): boolean {
  const found = progress.steps.get(id);
  const node = progress.nodes.get(found?.step.node ?? '');
  if (flags.node !== undefined && ![node?.name, node?.ip, node?.id].includes(flags.node)) return false;
  return flags.phase === undefined || found?.phase.name === flags.phase;
}
