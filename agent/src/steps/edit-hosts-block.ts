import { Problem } from '@seal/foundation';

export interface HostAlias {
  readonly ip: string;
  readonly names: readonly string[];
}

/**
 * The text of a hosts file with the block `block` equal to `entries`; without entries the block is gone. Every other byte stays as it is.
 * A new block goes to the end. Problem: HOSTS_FILE_INVALID when the markers of the block do not pair.
 */
export function editHostsBlock(text: string, block: string, entries: readonly HostAlias[]): string {
  const begin = `# BEGIN seal ${block}`;
  const end = `# END seal ${block}`;
  const lines = entries.map(({ ip, names }) => `${ip} ${names.join(' ')}\n`);
  const wanted = entries.length === 0 ? '' : `${begin}\n${lines.join('')}${end}\n`;
  const found = findBlock(text, begin, end);
  if (found) return text.slice(0, found.start) + wanted + text.slice(found.stop);
  if (wanted === '') return text;
  return text === '' || text.endsWith('\n') ? text + wanted : `${text}\n${wanted}`;
}

function findBlock(text: string, begin: string, end: string): { start: number; stop: number } | undefined {
  const starts = linePositions(text, begin);
  const ends = linePositions(text, end);
  if (starts.length === 0 && ends.length === 0) return undefined;
  const [start, last] = [starts[0] ?? -1, ends[0] ?? -1];
  if (starts.length !== 1 || ends.length !== 1 || last < start) {
    const counted = `${starts.length} × "${begin}", ${ends.length} × "${end}"`;
    throw new Problem('HOSTS_FILE_INVALID', `the hosts file does not hold one pair of markers, in order: ${counted}`);
  }
  const lineEnd = text.indexOf('\n', last);
  return { start, stop: lineEnd < 0 ? text.length : lineEnd + 1 };
}

/** Where lines equal to `line` begin. */
function linePositions(text: string, line: string): number[] {
  const positions: number[] = [];
  let start = 0;
  for (const candidate of text.split('\n')) {
    if (candidate.trimEnd() === line) positions.push(start);
    start += candidate.length + 1;
  }
  return positions;
}
