import type { Clock } from '@seal/foundation';

/** Resolves when `isOver` holds at one of the calls that `subscribe` brings, or after `timeoutMs`. */
export function untilTold(
  subscribe: (listener: () => void) => () => void,
  isOver: () => boolean,
  clock: Clock,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      unsubscribe();
      resolve();
    };
    const cancel = clock.setTimer(timeoutMs, finish);
    const unsubscribe = subscribe(() => {
      if (isOver()) finish();
    });
  });
}
