import type { Cli } from './cli.ts';
import { cleanText } from './view/clean-text.ts';
import { displayWidth, padWidth } from './view/display-width.ts';
import { makePaint, type Style } from './view/paint.ts';
import { nodeName, type Progress } from './view/progress.ts';

const styles: readonly Style[] = ['cyan', 'magenta', 'yellow', 'blue', 'green'];

/**
 * Prints lines of a command's output, stdout to stdout and stderr to stderr, each after the name of its node in a column.
 * On a terminal control characters are made harmless; into a pipe or file lines go as they are.
 */
export function execPrinter(cli: Cli, progress: Progress, prefix: boolean) {
  const { nodes } = progress.plan;
  const width = Math.max(0, ...nodes.map((node) => displayWidth(nodeName(progress, node.id))));
  const styleOf = new Map(nodes.map((node, index) => [node.id, styles[index % styles.length]!]));
  const streams = { 1: cli.io.stdout, 2: cli.io.stderr } as const;
  const paints = { 1: cli.paint, 2: cli.errorPaint } as const;

  const lines = (step: string, stream: number, texts: readonly string[]) => {
    const channel = stream === 2 ? 2 : 1;
    const node = progress.steps.get(step)?.step.node ?? '';
    if (cli.format === 'json') {
      for (const text of texts) cli.out(JSON.stringify({ node: nodeName(progress, node), stream: channel, text }));
      return;
    }
    const paint = paints[channel] ?? makePaint(false);
    const before = prefix ? paint(styleOf.get(node) ?? 'cyan', `${padWidth(nodeName(progress, node), width)} | `) : '';
    for (const text of texts) streams[channel].write(`${before}${streams[channel].isTTY ? cleanText(text) : text}\n`);
  };
  return {
    lines,
    /** Last lines that have no end of line. */
    end() {
      for (const [key, reader] of progress.readers) {
        const [step = '', , stream] = key.split('/');
        lines(step, Number(stream), reader.end());
      }
    },
  };
}
