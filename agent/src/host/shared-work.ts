interface Shared<T> {
  readonly promise: Promise<T>;
  readonly abort: AbortController;
  users: number;
}

/**
 * Work that several callers want once: those that ask for the same key while it goes on share it.
 * It is aborted when the last of them has left; a failure is told to all of them and not kept.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Shared<T>>();

  async do(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#running.get(key) ?? this.#begin(key, work);
    shared.users += 1;
    try {
      return await Promise.race([shared.promise, rejection(signal)]);
    } finally {
      shared.users -= 1;
      if (shared.users === 0) {
        // Whoever asks from here on begins anew, instead of joining work that is being given up.
        if (this.#running.get(key) === shared) this.#running.delete(key);
        shared.abort.abort(signal.reason);
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const abort = new AbortController();
    const shared = { promise: work(abort.signal), abort, users: 0 };
    shared.promise.catch(() => undefined); // told to the callers; one that left does not hear of it
    this.#running.set(key, shared);
    return shared;
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
