import type { Prng } from './prng.ts';

/** What can go wrong, with how often at most: per call of a port, per message or per look at the weather, as the place says. */
export const faultKinds = {
  /** An agent is killed at a call of a port. */
  'agent-killed': 0.01,
  /** An agent is told to end and is started again. */
  'agent-restarted': 0.02,
  /** The server or an agent is stopped and goes on later, as with SIGSTOP or a machine that is moved; nothing of it notices. */
  frozen: 0.01,
  /** The server is killed at a call of a port. */
  'server-killed': 0.01,
  /** Another server is started while the old one lives. */
  'two-servers': 0.03,
  /** The server's disk is lost, and a backup of it is put in its place. */
  'server-restored': 0.02,
  /** A host loses its power. */
  reboot: 0.02,
  /** A connection breaks and both ends hear of it. */
  reset: 0.06,
  /** Nothing passes between a host and the server, and nobody says so. */
  cut: 0.04,
  /** The same in one direction only. */
  'one-way-cut': 0.04,
  /** A message comes a second time, up to seconds later. A stream of gRPC does not do that; the protocol promises to bear it all the same. */
  'message-repeated': 0.02,
  /** A command or an acknowledgement comes before the message that was sent before it. */
  'message-overtaken': 0.02,
  /** A message takes seconds. */
  'slow-message': 0.02,
  /** The server's store refuses a write. */
  'store-failure': 0.02,
  /** The server's disk is full for a while. */
  'store-full': 0.015,
  /** An agent's disk refuses, or takes a part of a write. */
  'disk-failure': 0.03,
  /** An agent's disk is full for a while. */
  'disk-full': 0.015,
  /** An agent's disk cannot read or write output this once. */
  'spool-failure': 0.01,
  /** An agent's disk cannot say whether it has the data. */
  'sync-failure': 0.03,
  /** A wall clock jumps by up to some minutes. */
  'clock-jump': 0.02,
  /** A call of a port takes seconds. */
  'slow-call': 0.005,
  /** A probe cannot tell. */
  'probe-silent': 0.2,
  /** Somebody kills the process of a step. */
  'process-killed': 0.03,
  /** The server cannot read a secret. */
  'secret-missing': 0.1,
} as const;

export type FaultKind = keyof typeof faultKinds;

/**
 * Whether things go wrong. Each run has some kinds only, some of them often: a run with everything at once hides what needs two of a kind.
 * After `quiet` nothing goes wrong any more, so that it can be seen whether everything comes to its end.
 */
export class Faults {
  readonly #strength = new Map<FaultKind, number>();
  readonly #chance = new Map<FaultKind, Prng>();
  /** How often each kind has happened so far. */
  readonly injected = new Map<FaultKind, number>();
  quiet = false;

  constructor(prng: Prng, without: ReadonlySet<FaultKind>) {
    const calm = prng.fraction();
    for (const kind of Object.keys(faultKinds) as FaultKind[]) {
      const strength = prng.fraction() < calm ? 0 : prng.pick([0.3, 1, 1, 3]);
      this.#strength.set(kind, without.has(kind) ? 0 : strength);
      this.#chance.set(kind, prng.fork(kind));
    }
  }

  /** Kinds that can happen in this run. */
  get kinds(): FaultKind[] {
    return [...this.#strength].filter(([, strength]) => strength > 0).map(([kind]) => kind);
  }

  /** True when it happens here and now. */
  happens(kind: FaultKind, factor = 1): boolean {
    if (this.quiet) return false;
    const strength = this.#strength.get(kind) ?? 0;
    const happens = strength > 0 && (this.#chance.get(kind)?.chance(faultKinds[kind] * strength * factor) ?? false);
    if (happens) this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
    return happens;
  }
}
