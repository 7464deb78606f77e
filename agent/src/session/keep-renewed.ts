import { type Clock, type Random, sleep } from '@seal/foundation';
import type { Log } from '../runner/runner-ports.ts';
import { backoffMs } from './backoff.ts';
import { type Identity, readCertificate } from './identity.ts';

/** Between tries while the server cannot renew and the certificate is good: there are hours left. */
const retryMs = 5 * 60_000;
/** A timer is no longer than this, so that a clock that was set is noticed. */
const lookMs = 60_000;

export interface RenewalPorts {
  identity(): Identity;
  /** Gets a new certificate and makes it the identity. */
  renew(): Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Renews the certificate in the middle of its life, again and again, until `signal` is aborted. With one that has expired the node is cut
 * off, so then it is tried as often as the connection: after at most 1 s, 2 s, 4 s … 30 s.
 */
export async function keepRenewed({ identity, renew, clock, random, log }: RenewalPorts, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const dueAt = renewalTime(readCertificate(identity()), random);
    while (clock.now() < dueAt && !signal.aborted) await pause(clock, Math.min(lookMs, dueAt - clock.now()), signal);
    if (signal.aborted) return;
    try {
      await renew();
      failures = 0;
      log.info({ notAfter: readCertificate(identity()).notAfter }, 'certificate renewed');
    } catch (error) {
      const isExpired = readCertificate(identity()).notAfter <= clock.now();
      failures += 1;
      const retryInMs = isExpired ? backoffMs(failures, random) : retryMs;
      log.warn({ err: error, isExpired, retryInMs }, 'the certificate could not be renewed');
      await pause(clock, retryInMs, signal);
    }
  }
}

/** At half of its life, minus a random tenth of it, so that nodes enrolled together do not come back together. */
function renewalTime({ notBefore, notAfter }: { notBefore: number; notAfter: number }, random: Random): number {
  return Math.floor(notBefore + (notAfter - notBefore) * (0.5 - 0.1 * random.fraction()));
}

/** Ends early, without an error, when the signal is aborted. */
async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(clock, milliseconds, signal).catch(() => undefined);
}
