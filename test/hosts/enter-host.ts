import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { droppedCapabilities } from './boot-host.ts';
import { hostCgroups } from './host-cgroups.ts';
import type { LabState } from './lab-state.ts';

/** What the shell gets before it becomes nsenter: joins the cgroups named before "--", then is the rest. */
const joinCgroups = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

/**
 * The command line that runs `argv` inside a booted host: in its namespaces, in its cgroups, and without the capabilities whose
 * effect is the whole machine's, above all setting the clock. Undefined when the host is not running.
 */
export function enterHost(lab: LabState, host: string, argv: readonly string[]): string[] | undefined {
  const leader = hostLeader(lab, host);
  if (leader === undefined) return undefined;
  const { inside } = hostCgroups(lab.cgroups, host);
  const dropped = droppedCapabilities.map((name) => `-${name}`).join(',');
  return [
    ...['sh', '-c', joinCgroups, 'sh', ...inside, '--'],
    ...['setpriv', `--bounding-set=${dropped}`, `--inh-caps=${dropped}`],
    ...['nsenter', '-t', String(leader), '-m', '-u', '-i', '-n', '-p', '-C', '--'],
    // When this process's end takes nsenter with it, the command goes too.
    ...['setpriv', '--pdeathsig', 'KILL', '--', ...argv],
  ];
}

/** Process 1 of the host, by its number on the machine. */
export function hostLeader(lab: LabState, host: string): number | undefined {
  const { whole } = hostCgroups(lab.cgroups, host);
  const nspawn = readOrEmpty(join(whole, 'boot/supervisor/cgroup.procs')).split('\n')[0];
  if (nspawn === undefined || nspawn === '') return undefined;
  const children = readOrEmpty(`/proc/${nspawn}/task/${nspawn}/children`).split(' ').filter(Boolean);
  return children.map(Number).find(isProcessOne);
}

function isProcessOne(pid: number): boolean {
  const ids = /^NSpid:\s+(.*)$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]?.split(/\s+/) ?? [];
  return ids.length > 1 && ids.at(-1) === '1';
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A process or cgroup may end between being found and being read: then there is none.
    if (['ENOENT', 'ESRCH', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
