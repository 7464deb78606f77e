import { readFile } from 'node:fs/promises';

/** A line of /proc/self/mountinfo, as far as Seal needs it. */
export interface Mount {
  readonly mountPoint: string;
  readonly fileSystem: string;
}

/** The mounts of this process's mount namespace, in the order in which they were made. */
export async function readMounts(): Promise<Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      return { mountPoint: unescapeOctal(fields[4] ?? ''), fileSystem: fields[fields.indexOf('-') + 1] ?? '' };
    });
}

/** The kernel writes blanks, tabs, line feeds and backslashes in paths as \040 and the like. */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
