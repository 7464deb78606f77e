import { sleep } from '@seal/foundation';
import type { RunnerPorts } from './runner-ports.ts';
import type { StepKey } from './step-key.ts';

const tries = 5;
const retryMs = 1000;

/**
 * How much a step wrote to both streams. An outcome is never lost over it: a spool that fails is asked again, and one that goes on failing
 * counts as empty.
 */
export async function outputSizes(
  { spool, clock, log }: Pick<RunnerPorts, 'spool' | 'clock' | 'log'>,
  key: StepKey,
): Promise<{ readonly stdoutBytes: number; readonly stderrBytes: number }> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return { stdoutBytes: await spool.size(key, 1), stderrBytes: await spool.size(key, 2) };
    } catch (error) {
      log.error({ ...key, err: error }, 'how much a step wrote cannot be read');
      if (attempt === tries) return { stdoutBytes: 0, stderrBytes: 0 };
      await sleep(clock, retryMs);
    }
}
