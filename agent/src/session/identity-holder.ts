import type { Clock } from '@seal/foundation';
import { type Identity, readCertificate, readIdentity, writeRenewed } from './identity.ts';

/** How a new certificate is asked for. */
export interface Renewals {
  /** With a certificate that is still valid. */
  renew(identity: Identity): Promise<Identity>;
  /** With one that has expired: the bounded way back. */
  renewExpired(identity: Identity): Promise<Identity>;
}

/** The node's identity as it is now, on disk and in memory. */
export class IdentityHolder {
  readonly #directory: string;
  readonly #renewals: Renewals;
  readonly #clock: Clock;
  #identity: Identity;

  /** Problem: AGENT_NOT_ENROLLED. */
  constructor(directory: string, renewals: Renewals, clock: Clock) {
    this.#directory = directory;
    this.#renewals = renewals;
    this.#clock = clock;
    this.#identity = readIdentity(directory);
  }

  get current(): Identity {
    return this.#identity;
  }

  get nodeId(): string {
    return readCertificate(this.#identity).nodeId;
  }

  /** Gets a new certificate and makes it the identity: on disk first. */
  async renew(): Promise<void> {
    const { renew, renewExpired } = this.#renewals;
    const isExpired = readCertificate(this.#identity).notAfter <= this.#clock.now();
    const renewed = await (isExpired ? renewExpired : renew)(this.#identity);
    await writeRenewed(this.#directory, renewed);
    this.#identity = renewed;
  }
}
