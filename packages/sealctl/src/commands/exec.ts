import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { execPrinter } from '../exec-printer.ts';
import { ExitWith } from '../exit-with.ts';
import { readerGoneExit } from '../io.ts';
import { eventFormatOption, examples, parseSeconds } from '../options.ts';
import { applyItem, newProgress, nodeName, type Progress } from '../view/progress.ts';

interface ExecFlags {
  readonly timeout?: number;
  readonly prefix: boolean;
}

/** `sealctl exec NODE… -- CMD [ARG…]` */
export function addExec(program: Command, cli: Cli): void {
  program
    .command('exec')
    .summary('Run a command on nodes.')
    .description(
      'Run a command on nodes. Its stdout and stderr arrive apart, each line prefixed by its node. ' +
        'The exit code is the highest that the command had on any node; 1 where it could not be run, and ' +
        'sealctl\'s own codes (see "sealctl help exit-codes") where the server refused. Ctrl-C ends the command. ' +
        'The command gets no input: its stdin is empty, whatever that of sealctl is.',
    )
    .argument('<node...>', 'names, ids or addresses; "all" for every connected node')
    .usage('[options] <node...> -- <command> [argument...]')
    .option('--timeout <time>', 'how long the command may take (default: 10m)', parseSeconds)
    .option('--no-prefix', 'do not put the node before each line')
    .addOption(eventFormatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl exec n1 -- uname -r',
        'sealctl exec all -- systemctl is-active kubelet',
        "sealctl exec m1 n1 -- sh -c 'df -h / | tail -1'",
      ),
    )
    .action((operands: readonly string[], flags: ExecFlags) => {
      const at = cli.argv.indexOf('--');
      const argv = at < 0 ? [] : cli.argv.slice(at + 1);
      const nodes = operands.slice(0, operands.length - argv.length);
      if (argv.length === 0)
        throw new Problem('USAGE', 'there is no command to run', { remedy: 'Put it behind "--": sealctl exec n1 -- uname -r' });
      if (nodes.length === 0)
        throw new Problem('USAGE', 'no node is named', {
          remedy: 'Name nodes before "--", or "all": sealctl exec all -- uname -r',
        });
      return exec(cli, nodes, argv, flags);
    });
}

async function exec(cli: Cli, nodes: readonly string[], argv: readonly string[], flags: ExecFlags): Promise<void> {
  const client = await cli.connect();
  const { operation } = await client.clusters.exec({
    nodes: [...nodes],
    argv: [...argv],
    timeoutSeconds: flags.timeout ?? 0,
  });
  const progress = await follow(cli, client, operation, flags);
  const failures = [...progress.view.steps.values()].filter((step) => step.status !== 'SUCCEEDED' && step.exitCode === undefined);
  for (const step of failures)
    cli.io.stderr.write(
      `${cli.errorPaint('red', `${nodeName(progress, step.node)}:`)} ${step.problem ? `${step.problem.code}: ${step.problem.message}` : `the command was not run to its end (${step.status})`}\n`,
    );
  const codes = [...progress.view.steps.values()].map((step) => step.exitCode ?? (step.status === 'SUCCEEDED' ? 0 : 1));
  const highest = Math.max(0, ...codes);
  if (highest > 0) throw new ExitWith(highest);
  if (progress.view.status !== 'SUCCEEDED')
    throw new Problem('OPERATION_FAILED', `operation ${operation} ended as ${progress.view.status}`);
}

/**
 * Ctrl-C cancels the operation and waits for its end; a second one leaves once the server knows, a third at once. When nobody reads the output
 * any more it is cancelled without a word.
 */
async function follow(cli: Cli, client: SealClient, operation: string, flags: ExecFlags): Promise<Progress> {
  const stop = new AbortController();
  let cancelled: Promise<void> | undefined;
  let leaving = false;
  let refusal: unknown;
  let unread = false;
  const cancel = () => {
    cancelled ??= client.operations.cancelOperation({ id: operation }).then(
      () => undefined,
      (error: unknown) => {
        refusal = error;
        stop.abort();
      },
    );
  };
  const restoreReader = cli.io.onReaderGone(() => {
    unread = true;
    cancel();
  });
  const restore = cli.io.onInterrupt(() => {
    if (cancelled) {
      if (leaving) return stop.abort();
      leaving = true;
      return void cancelled.then(() => stop.abort());
    }
    cli.note(`cancelling operation ${operation}; press Ctrl-C again to leave without waiting`);
    cancel();
  });
  let progress: Progress | undefined;
  let printer: ReturnType<typeof execPrinter> | undefined;
  try {
    const onConnectionLost = () => cli.note('connection lost, trying again');
    for await (const item of client.watch(operation, {
      outputs: true,
      patientFromStart: true,
      signal: stop.signal,
      onConnectionLost,
    })) {
      if (item.kind === 'plan') {
        progress = newProgress(operation, item.plan);
        printer = execPrinter(cli, progress, flags.prefix);
      } else if (progress) {
        const lines = applyItem(progress, item);
        if (item.kind === 'output' && !unread) printer?.lines(item.output.step, item.output.stream, lines);
      }
    }
    if (!unread) printer?.end();
  } finally {
    restore();
    restoreReader();
  }
  if (refusal) throw refusal;
  if (unread) throw new ExitWith(readerGoneExit);
  if (stop.signal.aborted || cancelled)
    throw new Problem('CANCELLED', `operation ${operation} ${stop.signal.aborted ? 'is being cancelled' : 'was cancelled'}`, {
      remedy: `What it did so far: "sealctl operation logs ${operation}".`,
    });
  if (!progress) throw new Problem('SERVER_INCOMPATIBLE', `the server sent no plan for operation ${operation}`);
  return progress;
}
