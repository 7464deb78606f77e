import { readFileSync } from 'node:fs';

/** Start time (ticks since boot) of a process that is alive; undefined when there is none, or only its remains (zombie). */
export function processStartTime(pid: number): string | undefined {
  const fields = readStat(pid);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state === 'Z' || state === 'X' ? undefined : startTime;
}

/** Fields of /proc/<pid>/stat from the state on; the name before it may hold blanks and brackets. */
function readStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
