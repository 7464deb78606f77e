import { randomBytes } from 'node:crypto';

/** Randomness as a port, so that a simulation can seed it. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). Not for secrets. */
  fraction(): number;
}

/** The machine's own cryptographic randomness. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};
