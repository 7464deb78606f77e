import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks `probe` until it answers something other than undefined, and returns that.
 * Throws after `timeoutSeconds`, with what `describe` says then.
 */
export async function pollUntil<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  options: { timeoutSeconds: number; everyMilliseconds?: number; describe: () => string },
): Promise<T> {
  const end = performance.now() + options.timeoutSeconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${options.describe()} (waited ${options.timeoutSeconds} s)`);
    await sleep(options.everyMilliseconds ?? 100);
  }
}
