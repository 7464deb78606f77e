import type { Journal } from './journal.ts';
import type { Outbox } from './outbox.ts';
import type { SpoolPort } from './spool-port.ts';
import { stepKeyText } from './step-key.ts';
import type { StepRunner } from './step-runner.ts';

/** Output that the server has not asked for in this long is given up. */
const keepUnsentMs = 24 * 3600 * 1000;

export interface RestorePorts {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly spool: SpoolPort;
  readonly now: number;
  readonly runner: StepRunner;
}

/** After a restart of the agent: output that is still in the spool goes on to the server; what the journal has forgotten is removed. */
export async function restoreOutbox({ journal, outbox, spool, now, runner }: RestorePorts): Promise<void> {
  const running = new Set(runner.states().flatMap((one) => (one.state === 'running' ? [stepKeyText(one)] : [])));
  const listed = await spool.list();
  for (const key of listed) {
    const entry = journal.get(key.step, key.attempt);
    if (!entry || (entry.settled && entry.settled.at < now - keepUnsentMs)) {
      await outbox.discard(key);
      continue;
    }
    // One that was running when this began may have ended since.
    if (!entry.finished && running.has(stepKeyText(key))) outbox.begin(key);
    else outbox.end(key, entry.finished ?? { stdoutBytes: await spool.size(key, 1), stderrBytes: await spool.size(key, 2) });
    if (entry.settled) await outbox.settle(key);
  }
  // Output that is gone (a loss of power took the acknowledgement, not the removal) is said to be dropped to a server that lacks it.
  const names = new Set(listed.map(stepKeyText));
  for (const { key, finished } of runner.unacknowledged()) if (!names.has(stepKeyText(key))) outbox.end(key, finished);
}
