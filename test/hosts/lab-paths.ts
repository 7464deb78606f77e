import { join } from 'node:path';

/** Every name and place that belongs to one lab. Two labs share none; that is what keeps them apart. */
export interface LabPaths {
  /** Holds lab.json and hosts/<name>/. */
  directory: string;
  stateFile: string;
  hubNamespace: string;
  /** The last part of the lab's cgroup in every hierarchy. */
  cgroupName: string;
  hostDirectory(host: string): string;
  hostNamespace(host: string): string;
  /** systemd-nspawn's name of the host's machine. */
  machineName(host: string): string;
}

/** Where labs live. It must lie on a file system that overlayfs accepts as upper layer (ext4, xfs, btrfs; not overlayfs). */
export function labsDirectory(): string {
  return process.env.SEAL_LABS ?? '/var/lib/seal-lab';
}

/** Throws when the name could not be used as part of a path, a namespace and a machine name. */
export function labPaths(name: string): LabPaths {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new Error(`lab name "${name}" is not usable: it takes 1 to 31 of a-z, 0-9 and "-", and starts with a letter`);
  }
  const directory = join(labsDirectory(), name);
  return {
    directory,
    stateFile: join(directory, 'lab.json'),
    // A dot cannot be part of a lab's or a host's name, so "seal.a-b" never is a host of lab "a".
    hubNamespace: `seal.${name}`,
    cgroupName: `seal-lab.${name}`,
    hostDirectory: (host) => join(directory, 'hosts', host),
    hostNamespace: (host) => `seal.${name}.${host}`,
    machineName: (host) => `${host}.${name}`,
  };
}
