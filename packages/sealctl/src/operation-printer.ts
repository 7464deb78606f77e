import type { WatchItem } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { plainLines } from './view/plain-lines.ts';
import { nodeName, type Progress } from './view/progress.ts';
import { progressLines } from './view/progress-lines.ts';

type Item = Exclude<WatchItem, { kind: 'plan' }>;

/** Shows an operation while it runs. */
export interface OperationPrinter {
  begin(progress: Progress): void;
  /** After `progress` took the item in; `lines` are the complete lines of output that it brought. */
  item(progress: Progress, item: Item, lines: readonly string[]): void;
  /** Something beside the operation: the connection was lost. */
  note(text: string): void;
  /** Nothing more will come; leaves the terminal as it found it. */
  end(): void;
  /** The operation succeeded. */
  done(line: string): void;
}

/** A live tree on a terminal, plain lines elsewhere, one JSON object per line with -o json, nothing with --quiet. */
export async function choosePrinter(cli: Cli): Promise<OperationPrinter> {
  if (cli.format === 'json') return jsonPrinter(cli);
  if (cli.flags.quiet) return quietPrinter();
  const live = cli.io.stdout.isTTY === true && cli.io.env.TERM !== 'dumb' && !cli.io.env.CI;
  return live ? await livePrinter(cli) : plainPrinter(cli);
}

function quietPrinter(): OperationPrinter {
  const nothing = () => undefined;
  return { begin: nothing, item: nothing, note: nothing, end: nothing, done: nothing };
}

function plainPrinter(cli: Cli): OperationPrinter {
  return {
    begin: () => undefined,
    item: (progress, item) => item.kind === 'event' && cli.out(...plainLines(progress, item.event, cli.paint)),
    note: (text) => cli.note(text),
    end: () => undefined,
    done: (line) => cli.out(line),
  };
}

/** Lines: {"type":"plan"}, every event with the node of its step, {"type":"step-output"} with text, {"type":"note"}. */
function jsonPrinter(cli: Cli): OperationPrinter {
  const line = (value: unknown) => cli.out(JSON.stringify(value));
  const nodeOf = (progress: Progress, step: string) => {
    const found = progress.steps.get(step)?.step;
    return found ? { node: nodeName(progress, found.node), title: found.title } : {};
  };
  return {
    begin: (progress) => line({ type: 'plan', operation: progress.operation, plan: progress.plan }),
    item: (progress, item, lines) => {
      if (item.kind === 'event')
        return line({ ...item.event, ...('step' in item.event ? nodeOf(progress, item.event.step) : {}) });
      const { step, attempt, stream } = item.output;
      for (const text of lines)
        line({ type: 'step-output', operation: progress.operation, step, attempt, ...nodeOf(progress, step), stream, text });
    },
    note: (text) => line({ type: 'note', text }),
    end: () => undefined,
    done: () => undefined,
  };
}

const refreshMs = 120;

async function livePrinter(cli: Cli): Promise<OperationPrinter> {
  const { createLogUpdate } = await import('log-update');
  const stdout = cli.io.stdout as NodeJS.WriteStream;
  const screen = createLogUpdate(stdout);
  let shown: Progress | undefined;
  const draw = () => {
    if (!shown) return;
    // A terminal that does not know its size says 0.
    const columns = stdout.columns || 80;
    const rows = stdout.rows || 24;
    const lines = progressLines(shown, { columns: columns - 1, rows, now: cli.io.clock.now(), paint: cli.paint });
    screen(lines.join('\n'));
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    begin: (progress) => {
      shown = progress;
      draw();
      timer = setInterval(draw, refreshMs);
    },
    item: () => undefined,
    note: (text) => screen.persist(cli.paint('yellow', text)),
    end: () => {
      clearInterval(timer);
      draw();
      screen.done();
    },
    done: (line) => cli.out(cli.paint('green', `✔ ${line}`)),
  };
}
