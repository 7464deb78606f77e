import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupHierarchy, cgroupHierarchies } from './cgroup-hierarchies.ts';
import { labPaths } from './lab-paths.ts';
import type { LabCgroup } from './lab-state.ts';
import { pollUntil } from './poll-until.ts';

/**
 * A host's place in the machine's cgroups:
 *   <v2 and name=systemd>/seal-lab.<lab>/<host>/keeper      the supervisor
 *                                              /boot        nspawn in boot/supervisor, the host itself in boot/payload
 *   <each v1 controller>/…/seal-lab.<lab>/<host>            nspawn and the host
 */
export interface HostCgroups {
  /** Where the supervisor belongs. */
  keeper: string[];
  /** Where nspawn belongs at its start. */
  boot: string[];
  /** Where a command belongs that is to run as part of the booted host. */
  inside: string[];
  /** The whole host in v2: killing, freezing and asking whether anything is left. */
  whole: string;
  /** The host without nspawn, in v2. */
  payload: string;
}

/** Where a new lab's cgroups will be; below this process's own where a hierarchy is shared out to it (v1 controllers). */
export function planLabCgroups(lab: string): LabCgroup[] {
  const { cgroupName } = labPaths(lab);
  return cgroupHierarchies().map(({ name, mountPoint, ownPath }) => ({
    hierarchy: name,
    path: join(isWholeMachine(name) ? mountPoint : ownPath, cgroupName),
  }));
}

export function hostCgroups(cgroups: readonly LabCgroup[], host: string): HostCgroups {
  const named = cgroups.filter(({ hierarchy }) => isWholeMachine(hierarchy)).map(({ path }) => join(path, host));
  const controllers = cgroups.filter(({ hierarchy }) => !isWholeMachine(hierarchy)).map(({ path }) => join(path, host));
  const whole = join(cgroups.find(({ hierarchy }) => hierarchy === 'unified')!.path, host);
  return {
    keeper: named.map((path) => join(path, 'keeper')),
    boot: [...named.map((path) => join(path, 'boot')), ...controllers],
    inside: [...named.map((path) => join(path, 'boot/payload/init.scope')), ...controllers],
    whole,
    payload: join(whole, 'boot/payload'),
  };
}

export function createHostCgroups(cgroups: readonly LabCgroup[], host: string): void {
  const { keeper, boot, whole } = hostCgroups(cgroups, host);
  for (const path of [...keeper, ...boot]) mkdirSync(path, { recursive: true });
  for (const { hierarchy, path } of cgroups) {
    if (hierarchy.split(',').includes('cpuset')) shareCpuset(join(path, host));
  }
  // On a machine with v2 alone its controllers must be handed down level by level, or the host would have none.
  const lab = join(whole, '..');
  for (const path of [join(lab, '..'), lab, whole]) enableControllers(path);
}

/** Kills every process of the host, or of the lab, at once, nspawn and supervisor too; returns when none is left. */
export async function killCgroup(whole: string): Promise<void> {
  if (!existsSync(whole)) return;
  writeFileSync(join(whole, 'cgroup.kill'), '1');
  await waitForEvent(whole, 'populated', '0', 15);
}

/** Waits until cgroup.events of a v2 cgroup says `key value`. */
export async function waitForEvent(path: string, key: string, value: string, timeoutSeconds: number): Promise<void> {
  await pollUntil(() => cgroupEvent(path, key) === value || undefined, {
    timeoutSeconds,
    everyMilliseconds: 20,
    describe: () => `cgroup ${path} does not become "${key} ${value}"`,
  });
}

/** A value of cgroup.events; undefined when the cgroup does not exist. */
export function cgroupEvent(path: string, key: string): string | undefined {
  if (!existsSync(join(path, 'cgroup.events'))) return undefined;
  const line = readFileSync(join(path, 'cgroup.events'), 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${key} `));
  return line?.slice(key.length + 1);
}

function isWholeMachine(hierarchy: CgroupHierarchy['name']): boolean {
  return hierarchy === 'unified' || hierarchy.startsWith('name=');
}

/** A fresh v1 cpuset is empty and takes no process: it gets its parent's processors and memory nodes. */
function shareCpuset(path: string): void {
  const levels = [join(path, '..'), path];
  for (const level of levels) {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(level, file), readFileSync(join(level, '..', file)));
    writeFileSync(join(level, 'cgroup.clone_children'), '1');
  }
}

function enableControllers(path: string): void {
  const available = readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const enabled = new Set(readFileSync(join(path, 'cgroup.subtree_control'), 'utf8').trim().split(' '));
  for (const controller of available.filter((name) => name !== '' && !enabled.has(name))) {
    writeFileSync(join(path, 'cgroup.subtree_control'), `+${controller}`);
  }
}
