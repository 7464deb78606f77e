import type { Probe } from '@seal/plan';
import type { ProbeAnswer } from '../runner/resolve-doubt.ts';
import { runTool } from './run-tool.ts';

/**
 * Asks whether a step's effect is there. Exit 0: there. 126, 127, death by a signal, no such program, `timeoutSeconds` passed: it cannot tell.
 * Any other exit code: not there.
 */
export async function runProbe(probe: Probe, timeoutSeconds: number, signal: AbortSignal): Promise<ProbeAnswer> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const { exitCode } = await runTool({ argv: probe.argv, env: probe.env, signal: AbortSignal.any([signal, timeout]) });
    if (exitCode === 0) return 'there';
    return exitCode === undefined || exitCode === 126 || exitCode === 127 ? 'cannot-tell' : 'not-there';
  } catch {
    signal.throwIfAborted();
    return 'cannot-tell'; // that is what a probe that could not be run says
  }
}
