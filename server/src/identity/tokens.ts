import { type Clock, Problem, type Random } from '@seal/foundation';
import { createBootstrapToken, formatBootstrapToken, tokenVerifier } from '@seal/pki';
import ipaddr from 'ipaddr.js';
import { appendAudit } from './audit.ts';
import { checkNodeName } from './check-node-name.ts';
import type { IdentityStore, StoredToken, TokenUsage } from './identity-store.ts';

/** What a token shall allow. Zero, empty and undefined mean the default. */
export interface WantedToken {
  /** Default: join-worker and join-master. */
  readonly usages?: readonly string[];
  /** Default 900 (15 min), at most 86400. */
  readonly ttlSeconds?: number;
  /** Default 1, at most 1000. */
  readonly maxUses?: number;
  readonly nodeName?: string;
  readonly cidr?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface TokensOptions {
  readonly store: IdentityStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Pin of the server's CA, base64url. */
  readonly pin: string;
  /** host:port of the HTTPS endpoint, as agents reach it. */
  readonly server: string;
}

const usagesThereAre: readonly TokenUsage[] = ['join-worker', 'join-master'];

/** The bootstrap tokens of this server; what they admit is decided in admit.ts. */
export class Tokens {
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** A new token. `value` holds the secret and can never be had again. Problems: USAGE, NODE_NAME_INVALID. */
  async create(wanted: WantedToken, createdBy: string): Promise<{ readonly token: StoredToken; readonly value: string }> {
    const { store, clock, random, pin, server } = this.#options;
    const allowed = check(wanted);
    const bootstrap = createBootstrapToken(pin, server, random);
    const now = clock.now();
    const { ttlSeconds, ...kept } = allowed;
    const token: StoredToken = {
      ...kept,
      id: bootstrap.id,
      verifier: tokenVerifier(bootstrap.secret, random),
      createdAt: now,
      createdBy,
      expiresAt: now + ttlSeconds * 1000,
      uses: 0,
      usedBy: [],
    };
    await store.transaction((rows) => {
      rows.putToken(token);
      const detail = { id: token.id, ...allowed };
      appendAudit(rows, { actor: createdBy, action: 'token-created', decision: 'allowed', detail }, now);
    });
    return { token, value: formatBootstrapToken(bootstrap) };
  }

  /** Newest first. */
  async list(): Promise<StoredToken[]> {
    return this.#options.store.transaction((rows) => rows.tokens());
  }

  /** Admits nobody from now on; nodes that it admitted stay. Revoking twice changes nothing. Problem: TOKEN_NOT_FOUND. */
  async revoke(id: string, revokedBy: string): Promise<void> {
    const now = this.#options.clock.now();
    await this.#options.store.transaction((rows) => {
      const token = rows.token(id);
      if (!token) throw new Problem('TOKEN_NOT_FOUND', `no bootstrap token has the id "${id}"`);
      if (token.revokedAt !== undefined) return;
      rows.putToken({ ...token, revokedAt: now });
      appendAudit(rows, { actor: revokedBy, action: 'token-revoked', decision: 'allowed', detail: { id } }, now);
    });
  }
}

function check(wanted: WantedToken) {
  const { nodeName, cidr } = wanted;
  if (nodeName)
    checkNodeName(nodeName, 'Give --node the name that the node has or shall have: small letters, digits, "-" and ".".');
  if (cidr && !isCidr(cidr)) throw new Problem('USAGE', `"${cidr}" is not a network such as 10.77.0.0/16`);
  return {
    usages: usagesOf(wanted.usages),
    ttlSeconds: lifeOf(wanted.ttlSeconds || 900),
    maxUses: usesOf(wanted.maxUses || 1),
    labels: { ...wanted.labels },
    ...(nodeName ? { nodeName } : {}),
    ...(cidr ? { cidr } : {}),
  };
}

function usagesOf(wanted: readonly string[] = []): TokenUsage[] {
  const unknown = wanted.find((usage) => !usagesThereAre.some((known) => known === usage));
  if (unknown !== undefined)
    throw new Problem('USAGE', `"${unknown}" is not a usage of a bootstrap token; there are ${usagesThereAre.join(' and ')}`);
  return usagesThereAre.filter((usage) => wanted.length === 0 || wanted.includes(usage));
}

function lifeOf(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400) return seconds;
  const text = seconds > 0 && seconds % 3600 === 0 ? `${seconds / 3600}h` : `${seconds}s`;
  throw new Problem(
    'USAGE',
    `the life (ttl) of a bootstrap token is ${text}, but must be whole seconds, at least 1s and at most 24h`,
    {
      remedy: 'Give a shorter --ttl, such as 15m or 24h; hosts that come later get a token of their own.',
    },
  );
}

function usesOf(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new Problem('USAGE', `the number of uses of a bootstrap token is ${count}, but must be a whole number from 1 to 1000`);
}

function isCidr(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}
