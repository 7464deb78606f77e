import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { releaseAddressRanges } from './address-range.ts';
import { cgroupHierarchies } from './cgroup-hierarchies.ts';
import { killCgroup } from './host-cgroups.ts';
import { labNamespaces } from './lab-network.ts';
import { type LabPaths, labPaths } from './lab-paths.ts';
import { mustRunCommand } from './must-run-command.ts';
import { runCommand } from './run-command.ts';

/**
 * Removes every trace of a lab: processes, namespaces, mounts, cgroups, directories, its address range. It looks at the machine
 * and not at lab.json, so it also removes half-made labs and those of killed processes, and does nothing where there is none.
 * Never touches another lab.
 */
export async function removeLab(name: string): Promise<void> {
  const paths = labPaths(name);
  const cgroups = cgroupHierarchies().flatMap(({ mountPoint }) => findCgroups(mountPoint, paths.cgroupName));
  // Only v2 can kill; every process of the lab is in there.
  for (const path of cgroups.filter((cgroup) => existsSync(join(cgroup, 'cgroup.kill')))) await killCgroup(path);
  for (const namespace of labNamespaces(name)) await mustRunCommand('ip', ['netns', 'del', namespace]);
  await unmountBelow(paths.directory);
  for (const path of cgroups) await removeCgroup(path);
  removeNspawnDirectories(paths);
  rmSync(paths.directory, { recursive: true, force: true });
  releaseAddressRanges(name);
}

function findCgroups(directory: string, name: string): string[] {
  return childDirectories(directory).flatMap((child) => {
    const path = join(directory, child);
    if (child === name) return [path];
    return child.startsWith('seal-lab.') ? [] : findCgroups(path, name);
  });
}

/** Deepest first; a cgroup whose last process has just ended may be busy for a moment. */
async function removeCgroup(path: string): Promise<void> {
  for (const child of childDirectories(path)) await removeCgroup(join(path, child));
  for (let attempt = 1; ; attempt++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === 100) throw error;
      await sleep(50);
    }
  }
}

async function unmountBelow(directory: string): Promise<void> {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounted.reverse()) {
    const result = await runCommand('umount', [path], { timeoutSeconds: 30 });
    // A process outside the lab may stand in it; the lazy form takes the mount away from everybody else.
    if (result.code !== 0) await mustRunCommand('umount', ['--lazy', path]);
  }
}

function removeNspawnDirectories(paths: LabPaths): void {
  const parent = '/run/systemd/nspawn/propagate';
  for (const machine of childDirectories(parent).filter((entry) => entry.endsWith(paths.machineName('')))) {
    rmdirSync(join(parent, machine));
  }
}

function childDirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    // Others make and remove cgroups while we look.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
