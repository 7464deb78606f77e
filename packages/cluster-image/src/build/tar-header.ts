/** What the header of a tar entry says of it. */
export interface TarEntry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  readonly target: string;
}

const blockBytes = 512;
const typeFlags = { file: '0', symlink: '2', directory: '5', pax: 'x' } as const;
/** What fits into the eleven octal digits of size and time. */
const mostOctal = 8 ** 11 - 1;
const longestName = 100;
const longestPrefix = 155;

/**
 * The header blocks of an entry that belongs to root, in the POSIX format: ustar where it fits, else with a PAX header before it (long or
 * non-ASCII names, 8 GiB and more, times after 2242). Fixed here and not left to a library, since every byte is part of a layer's digest.
 */
export function tarHeader({ path, kind, mode, size, target }: TarEntry, epochSeconds: number): Buffer {
  const name = kind === 'directory' ? `${path}/` : path;
  const split = splitName(name);
  const records = [
    ...(split ? [] : [paxRecord('path', name)]),
    ...(fits(target, longestName) ? [] : [paxRecord('linkpath', target)]),
    ...(size > mostOctal ? [paxRecord('size', String(size))] : []),
    ...(epochSeconds > mostOctal ? [paxRecord('mtime', String(epochSeconds))] : []),
  ];
  const [prefix, rest] = split ?? ['', 'long-name'];
  const common = { mode, mtime: Math.min(epochSeconds, mostOctal) };
  const link = fits(target, longestName) ? target : 'long-target';
  const own = block({ ...common, prefix, name: rest, size: size > mostOctal ? 0 : size, link, flag: typeFlags[kind] });
  if (records.length === 0) return own;
  const body = Buffer.concat(records);
  const pax = block({ ...common, prefix: '', name: 'PaxHeader', mode: 0o644, size: body.length, link: '', flag: typeFlags.pax });
  return Buffer.concat([pax, body, Buffer.alloc(padding(body.length)), own]);
}

/** Zero bytes that follow `size` bytes of content. */
export function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/** Two blocks of zeros. */
export const tarEnd = Buffer.alloc(2 * blockBytes);

interface Fields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
  readonly link: string;
  readonly flag: string;
}

function block({ name, prefix, mode, size, mtime, link, flag }: Fields): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) =>
    bytes.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  bytes.write(name, 0, 'latin1');
  octal(mode & 0o7777, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(mtime, 136, 11);
  bytes.write(' '.repeat(8), 148, 'latin1');
  bytes.write(flag, 156, 'latin1');
  bytes.write(link, 157, 'latin1');
  bytes.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 7);
  octal(0, 337, 7);
  bytes.write(prefix, 345, 'latin1');
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** Prefix and name of ustar; undefined where they do not take the whole. */
function splitName(name: string): readonly [string, string] | undefined {
  if (fits(name, longestName)) return ['', name];
  if (!fits(name, longestName + 1 + longestPrefix)) return undefined;
  const slash = name.indexOf('/', name.length - longestName - 1);
  if (slash < 1 || slash > longestPrefix || slash === name.length - 1) return undefined;
  return [name.slice(0, slash), name.slice(slash + 1)];
}

function fits(text: string, most: number): boolean {
  return text.length <= most && /^[\x20-\x7e]*$/.test(text);
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length += 1;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
