import { readFileSync } from 'node:fs';

/** Names one process for good: a pid is used again, a pid with its start time on one boot is not. */
export interface ProcessIdentity {
  pid: number;
  /** In clock ticks since the boot. */
  startTicks: string;
  bootId: string;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicks(process.pid) ?? '', bootId: machineBootId() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === machineBootId() && startTicks(identity.pid) === identity.startTicks;
}

function machineBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function startTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The second field, the name in parentheses, may hold anything; the fields are counted from behind it. Field 22 is the start.
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}
