import { createHmac, timingSafeEqual } from 'node:crypto';
import { newId, Problem, type Random } from '@seal/foundation';

/** One string that is all a new node needs: `seal1.<id>.<secret>.<pin>[.<server>]`. */
export interface BootstrapToken {
  /** Public: what lists, audit and logs show. */
  readonly id: string;
  /** 160 random bits, base64url. Never in argv, logs, audit or errors. */
  readonly secret: string;
  /** SHA-256 of the SubjectPublicKeyInfo of the server's CA, base64url. */
  readonly pin: string;
  /** host:port of the server's HTTPS endpoint. */
  readonly server?: string;
}

const secretBytes = 20;
const form = /^seal1\.(tok-[0-9a-hjkmnp-tv-z]{8})\.([A-Za-z0-9_-]{27})\.([A-Za-z0-9_-]{43})(?:\.([A-Za-z0-9_-]{1,400}))?$/;

/** A new token with a random id and secret. */
export function createBootstrapToken(pin: string, server: string | undefined, random: Random): BootstrapToken {
  const secret = Buffer.from(random.bytes(secretBytes)).toString('base64url');
  return { id: newId('tok', random), secret, pin, ...(server === undefined ? {} : { server }) };
}

/** The token as one string. It holds the secret: show it once, to the one who asked for it. */
export function formatBootstrapToken(token: BootstrapToken): string {
  const server = token.server === undefined ? [] : [Buffer.from(token.server).toString('base64url')];
  return ['seal1', token.id, token.secret, token.pin, ...server].join('.');
}

/** Reads a token as a person pasted it (white space around it is dropped). Problem: TOKEN_INVALID, which never repeats the text. */
export function parseBootstrapToken(text: string): BootstrapToken {
  const [, id, secret, pin, server] = form.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined || pin === undefined)
    throw new Problem('TOKEN_INVALID', 'the bootstrap token does not have the form seal1.<id>.<secret>.<pin>[.<server>]', {
      remedy: 'Copy the whole token again: it is one word without line breaks.',
    });
  return { id, secret, pin, ...(server === undefined ? {} : { server: Buffer.from(server, 'base64url').toString() }) };
}

/**
 * What the server stores of a secret: salt and HMAC-SHA-256 under it. The secret has 160 random bits, so a slow hash would add nothing.
 */
export function tokenVerifier(secret: string, random: Random): string {
  const salt = Buffer.from(random.bytes(16));
  return `${salt.toString('base64url')}.${mac(salt, secret).toString('base64url')}`;
}

/**
 * Whether `secret` is that of `verifier`, compared in constant time. Without a verifier (no such token) the same work is done and the
 * answer is false, so that time does not tell which ids exist.
 */
export function matchesVerifier(verifier: string | undefined, secret: string): boolean {
  const [salt = '', expected = ''] = (verifier ?? noVerifier).split('.');
  const wanted = Buffer.from(expected, 'base64url');
  const same = timingSafeEqual(mac(Buffer.from(salt, 'base64url'), secret), wanted.length === 32 ? wanted : Buffer.alloc(32));
  return same && verifier !== undefined;
}

const noVerifier = `${Buffer.alloc(16).toString('base64url')}.${Buffer.alloc(32).toString('base64url')}`;

function mac(salt: Buffer, secret: string): Buffer {
  return createHmac('sha256', salt).update(secret).digest();
}
