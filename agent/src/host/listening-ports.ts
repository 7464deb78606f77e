import { readFile } from 'node:fs/promises';

const listening = '0A';

/** TCP ports with a listener on any address of this network namespace, ascending. */
export async function listeningPorts(): Promise<number[]> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readTable));
  return [...new Set(tables.flatMap(parseListeners))].sort((a, b) => a - b);
}

/** Ports of the listening sockets of a table in the form of /proc/net/tcp. */
export function parseListeners(table: string): number[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening)
    .map((fields) => Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16));
}

/** A kernel without IPv6 has no second table. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
