import { run } from 'node:test';

export interface TestPhase {
  files: string[];
  /** How many files run at a time. */
  concurrency: number;
}

/** A file that takes longer is ended and counts as failed. */
const fileTimeoutMilliseconds = 10 * 60 * 1000;
const summaryLine = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([0-9.]+)$/;
type TestEvent = { type: string; data: { message?: string; nesting?: number; file?: string } };

/**
 * Runs groups of test files one group after the other and yields their events as those of one run: the counts that end
 * each run are added up and come once, last. Aborting `signal` ends the files that run and starts no other. `onFailure` is called when any test failed or was cancelled.
 */
export async function* runPhases(
  phases: readonly TestPhase[],
  onFailure: () => void,
  signal: AbortSignal,
): AsyncGenerator<TestEvent> {
  const totals = new Map<string, number>();
  for (const { files, concurrency } of phases) {
    if (files.length === 0 || signal.aborted) continue;
    for await (const event of run({ files, concurrency, timeout: fileTimeoutMilliseconds, signal }) as AsyncIterable<TestEvent>) {
      const count = event.type === 'test:diagnostic' ? summaryLine.exec(event.data.message ?? '') : null;
      if (count !== null && event.data.nesting === 0) totals.set(count[1]!, (totals.get(count[1]!) ?? 0) + Number(count[2]));
      else if (event.type !== 'test:summary' || event.data.file !== undefined) yield event;
    }
  }
  if ((totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0) > 0) onFailure();
  for (const [name, total] of totals) yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${total}` } };
}
