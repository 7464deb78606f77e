/** Time as a port: everything that decides or waits by time takes a Clock, so that a simulation can own it. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `milliseconds`; the returned function cancels. */
  setTimer(milliseconds: number, callback: () => void): () => void;
}

/** What a timer of Node can hold, 24 days: a longer one would end at once. A limit that lies beyond is met after a clock was set back. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(milliseconds, callback) {
    let timer: NodeJS.Timeout;
    const wait = (rest: number) => {
      timer = setTimeout(
        () => (rest > longestTimeoutMs ? wait(rest - longestTimeoutMs) : callback()),
        Math.min(rest, longestTimeoutMs),
      );
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `milliseconds` on `clock`; rejects with the signal's reason when aborted first. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.setTimer(milliseconds, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
