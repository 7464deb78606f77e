import { type Clock, sleep } from '@seal/foundation';
import type { Log } from '../runner/runner-ports.ts';
import type { LayerStore } from './layer-store.ts';

const everyMs = 6 * 3600_000;

/** Takes unused layers away, now and four times a day, until `signal` is aborted. A failure is logged, and tried again the next time. */
export async function keepTidy(
  { layers, clock, log }: { readonly layers: LayerStore; readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const gone = await layers.sweep();
      if (gone.length > 0) log.info({ layers: gone }, 'layers that no rootfs uses were removed');
    } catch (error) {
      log.warn({ err: error }, 'unused layers could not be removed');
    }
    await sleep(clock, everyMs, signal).catch(() => undefined); // aborted: the loop ends
  }
}
