import { isIPv6 } from 'node:net';
import { type Clock, Problem } from '@seal/foundation';
import ipaddr from 'ipaddr.js';

export interface RateLimitOptions {
  readonly clock: Clock;
  /** How many requests an address may make at once. */
  readonly burst: number;
  /** How many come back per second. */
  readonly perSecond: number;
}

const addressesMax = 10_000;

/**
 * A token bucket per address (per /64 for IPv6, where one host has them all). Remembers 10 000 addresses at most; the one that was seen
 * longest ago is forgotten first.
 */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Takes one. Problem: RATE_LIMITED. */
  take(address: string): void {
    const { clock, burst, perSecond } = this.#options;
    const key = networkOf(address);
    const now = clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: Math.max(0, tokens - 1), at: now });
    if (this.#buckets.size > addressesMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (tokens < 1)
      throw new Problem('RATE_LIMITED', `too many requests from ${address} (${burst} at once, then ${perSecond} per second)`);
  }
}

function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const plain = ipaddr.process(address).toNormalizedString();
  return isIPv6(plain) ? plain.split(':').slice(0, 4).join(':') : plain;
}
