import { Problem } from '@seal/foundation';
import ipaddr from 'ipaddr.js';

/** A range wider than this is taken for a slip of the keyboard. */
const widestRange = 1000;

/**
 * The addresses that `text` names, in order, in canonical form: one IPv4 or IPv6 address, a range FIRST-LAST of at most 1000
 * addresses, or several of these between commas ("10.1.0.2,10.1.0.5-10.1.0.9"). Empty text gives none. Each address may be named once.
 *
 * Problems: HOSTS_INVALID.
 */
export function expandHosts(text: string): string[] {
  const seen = new Map<string, string>();
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === '') {
      if (text.trim() === '') return [];
      throw new Problem('HOSTS_INVALID', `"${text}" has an empty entry; expected addresses or ranges between commas`);
    }
    for (const address of expandPart(part)) {
      const other = seen.get(address);
      if (other !== undefined)
        throw new Problem(
          'HOSTS_INVALID',
          other === part
            ? `${part} is named twice in "${text}"`
            : `${address} is named twice in "${text}": by "${other}" and by "${part}"`,
        );
      seen.set(address, part);
    }
  }
  return [...seen.keys()];
}

function expandPart(part: string): string[] {
  const ends = part.split('-');
  if (ends.length > 2) throw new Problem('HOSTS_INVALID', `"${part}" is no range; expected FIRST-LAST`);
  const first = parseAddress(ends[0]!, part);
  if (ends.length === 1) return [first.toString()];
  const last = parseAddress(ends[1]!, part);
  if (first.kind() !== last.kind())
    throw new Problem('HOSTS_INVALID', `the range ${part} goes from ${first.kind()} to ${last.kind()}`);
  const from = toNumber(first);
  const to = toNumber(last);
  if (to < from) throw new Problem('HOSTS_INVALID', `the range ${part} is reversed; expected ${last}-${first}`);
  const count = to - from + 1n;
  if (count > BigInt(widestRange))
    throw new Problem('HOSTS_INVALID', `the range ${part} holds ${count} addresses (limit ${widestRange})`);
  return Array.from({ length: Number(count) }, (_, index) => fromNumber(from + BigInt(index), first.kind()));
}

function parseAddress(text: string, part: string): ipaddr.IPv4 | ipaddr.IPv6 {
  const address = text.trim();
  // Octal, hexadecimal and shortened IPv4 forms are legal for ipaddr.js and mean something else to most readers.
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address);
  if (address.includes(':') && !address.includes('%') && ipaddr.IPv6.isValid(address)) return ipaddr.IPv6.parse(address);
  throw new Problem('HOSTS_INVALID', `"${address}"${address === part ? '' : ` in "${part}"`} is no IP address`, {
    remedy:
      'Give each host as an IPv4 or IPv6 address without port, a comma separated list, or a range such as 10.1.0.216-10.1.0.217.',
  });
}

function toNumber(address: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return address.toByteArray().reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

function fromNumber(number: bigint, kind: string): string {
  const bytes = Array.from({ length: kind === 'ipv4' ? 4 : 16 }, (_, index) => Number((number >> BigInt(8 * index)) & 255n));
  return ipaddr.fromByteArray(bytes.reverse()).toString();
}
