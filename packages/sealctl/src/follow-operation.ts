import { Problem } from '@seal/foundation';
import type { SealClient } from '@seal/protocol';
import type { Cli } from './cli.ts';
import { choosePrinter } from './operation-printer.ts';
import { operationResult } from './view/operation-result.ts';
import { applyItem, newProgress, type Progress } from './view/progress.ts';

/**
 * Shows an operation until it has finished. Problems: OPERATION_FAILED or CANCELLED as it ended.
 * `patientFromStart`: the operation is known to be there, so a server that is away is waited for.
 * Ctrl-C ends the watching, not the operation: CANCELLED, whose remedy says how to watch or cancel it.
 */
export async function followOperation(
  cli: Cli,
  client: SealClient,
  operation: string,
  { patientFromStart = true }: { readonly patientFromStart?: boolean } = {},
): Promise<Progress> {
  const stop = new AbortController();
  const restore = cli.io.onInterrupt(() => stop.abort());
  const printer = await choosePrinter(cli);
  let progress: Progress | undefined;
  try {
    const items = client.watch(operation, {
      outputs: true,
      patientFromStart,
      signal: stop.signal,
      onConnectionLost: (problem) => printer.note(`connection lost, trying again (${problem.message})`),
      onConnectionBack: () => printer.note('connected again'),
    });
    for await (const item of items) {
      if (item.kind === 'plan') {
        progress = newProgress(operation, item.plan);
        printer.begin(progress);
      } else if (progress) {
        const lines = applyItem(progress, item);
        printer.item(progress, item, lines);
      }
    }
  } finally {
    restore();
    printer.end();
  }
  if (stop.signal.aborted) throw stoppedWatching(operation);
  if (!progress) throw new Problem('SERVER_INCOMPATIBLE', `the server sent no plan for operation ${operation}`);
  const result = operationResult(progress);
  if ('problem' in result) throw result.problem;
  printer.done(result.line);
  return progress;
}

function stoppedWatching(operation: string): Problem {
  return new Problem('CANCELLED', `stopped watching; operation ${operation} goes on on the server`, {
    remedy: `Watch it again with "sealctl operation watch ${operation}", or cancel it with "sealctl operation cancel ${operation}".`,
    details: { operation },
  });
}
