import { sleep } from '@seal/foundation';
import { AgentStopping } from './live-step.ts';
import type { Finished, RunnerPorts } from './runner-ports.ts';
import type { StepKey } from './step-key.ts';

/**
 * Journals how a step ended. What happened cannot be taken back, so a full disk is waited for: 1 s, 2 s, 4 s … 30 s between tries.
 * Rejects with AgentStopping when the agent stops meanwhile.
 */
export async function journalOutcome(
  { journal, clock, log }: Pick<RunnerPorts, 'journal' | 'clock' | 'log'>,
  key: StepKey,
  finished: Finished,
  isStopping: () => boolean,
): Promise<void> {
  for (let delayMs = 1000; ; delayMs = Math.min(30_000, delayMs * 2)) {
    try {
      return await journal.append({ type: 'finished', ...key, at: clock.now(), ...finished });
    } catch (error) {
      if (isStopping()) throw new AgentStopping();
      log.error({ ...key, err: error, retryInMs: delayMs }, 'the outcome of a step cannot be journaled yet');
      await sleep(clock, delayMs);
    }
  }
}
