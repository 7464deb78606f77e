import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { labPaths } from './lab-paths.ts';
import type { ProcessIdentity } from './process-identity.ts';

export interface HostBind {
  /** Absolute path on the machine. */
  from: string;
  /** Absolute path in the host. */
  to: string;
  /** Default true. */
  readonly?: boolean;
}

export interface HostSpec {
  /** Also its host name; other hosts of the lab reach it by it. */
  name: string;
  binds?: readonly HostBind[];
  /** Gives the host a file system of this size, in MiB, as /var/lib/seal, so that a test can fill it. */
  stateSizeMiB?: number;
}

/** One cgroup hierarchy and the lab's place in it. */
export interface LabCgroup {
  /** `unified` for v2, else the v1 controllers as in /proc/self/cgroup, e.g. `memory` or `name=systemd`. */
  hierarchy: string;
  /** The lab's directory in it. */
  path: string;
}

/** What lab.json holds: all that another process needs to use or remove the lab. */
export interface LabState {
  version: 1;
  name: string;
  createdAt: string;
  creator: ProcessIdentity;
  /** The third number of the lab's addresses: 10.77.<range>.0/24. */
  range: number;
  cgroups: LabCgroup[];
  hosts: (HostSpec & { ip: string })[];
}

/** The lab's state, or undefined where there is none (yet). Throws on a file that is not a lab's. */
export function readLabState(name: string): LabState | undefined {
  const file = labPaths(name).stateFile;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const state = JSON.parse(text) as LabState;
  if (state.version !== 1) {
    throw new Error(`${file} has version ${state.version}, this program reads 1; remove the lab with the program that made it`);
  }
  return state;
}

/** Writes lab.json whole or not at all. */
export function writeLabState(state: LabState): void {
  const file = labPaths(state.name).stateFile;
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
