import { readFileSync } from 'node:fs';

/** Start time (ticks since boot) of a process that is alive; undefined when there is none, or only its remains (zombie). */
export function processStartTime(pid: number): string | undefined {
  const fields = readStat(pid);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  return state === 'Z' || state === 'X' ? undefined : startTime;
}

/** How long a process with this start time has existed, by the kernel's own count, which nobody sets. */
export function processAgeMs(startTime: string): number {
  const uptimeMs = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000;
  return Math.max(0, uptimeMs - Number(startTime) * (1000 / ticksPerSecond));
}

/** Of times in /proc, on every Linux that Seal runs on (USER_HZ). */
const ticksPerSecond = 100;

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
