import { Problem, sleep, systemClock, systemRandom } from '@seal/foundation';
import type { RegistryOptions } from './registry-options.ts';

const longestWaitMilliseconds = 30_000;

/** Waits before try number `attempt` (from 1): doubled each time, with jitter; `askedSeconds` is the registry's Retry-After. */
export async function waitBeforeRetry(attempt: number, options: RegistryOptions, askedSeconds?: number): Promise<void> {
  const base = options.retryMilliseconds ?? 500;
  const own = base * 2 ** (attempt - 1) * (0.5 + systemRandom.fraction());
  const wait = Math.min(Math.max(own, (askedSeconds ?? 0) * 1000), longestWaitMilliseconds);
  await sleep(systemClock, wait, options.signal).catch(() => throwIfAborted(options.signal));
}

/** Throws CANCELLED once the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new Problem('CANCELLED', 'the transfer was stopped', {
      remedy: 'Give the command again: what was moved already is not moved again.',
    });
}

/** Whether a thing that was thrown is one of the network, which may be gone at the next try. */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof Problem) return false;
  const { code = '', status, message = '' } = thrown as { code?: string; status?: number; message?: string };
  if (status !== undefined) return isBusyStatus(status);
  return (
    /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_STREAM|UND_ERR)/.test(code) ||
    /no byte came|aborted|socket hang up/.test(message)
  );
}

/** Answers that mean "later". */
export function isBusyStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status <= 599);
}
