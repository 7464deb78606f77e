import { createHash } from 'node:crypto';
import type { Random } from './random.ts';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A short readable id such as `op-7f3k9q2m`: prefix and `length` characters (5 bits each) of Crockford's base32 in lower case. */
export function newId(prefix: string, random: Random, length = 8): string {
  const characters = Array.from(random.bytes(length), (byte) => alphabet[byte & 31]);
  return `${prefix}-${characters.join('')}`;
}

/** `sha256:…` of bytes or text. */
export function sha256Digest(data: Uint8Array | string): `sha256:${string}` {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** JSON with sorted keys, so that equal values give equal text and digests. Undefined fields are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : item,
  );
}
