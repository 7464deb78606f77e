import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One mounted cgroup hierarchy of this machine. */
export interface CgroupHierarchy {
  /** `unified` for v2, else its v1 controllers as in /proc/self/cgroup, e.g. `cpu,cpuacct` or `name=systemd`. */
  name: string;
  mountPoint: string;
  /** This process's own place in it. */
  ownPath: string;
}

/** v2 alone (a stock Debian 12), or v1 hierarchies with v2 beside them. Throws where there is no v2 at all. */
export function cgroupHierarchies(): CgroupHierarchy[] {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2');
  const hierarchies: CgroupHierarchy[] = [];
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, name = '', ...rest] = line.split(':');
    const mount = mounts.find(([, , type, flags = '']) =>
      name === '' ? type === 'cgroup2' : type === 'cgroup' && name.split(',').every((part) => flags.split(',').includes(part)),
    );
    if (mount?.[1] === undefined) continue;
    hierarchies.push({ name: name === '' ? 'unified' : name, mountPoint: mount[1], ownPath: join(mount[1], rest.join(':')) });
  }
  if (!hierarchies.some(({ name }) => name === 'unified')) {
    throw new Error('no cgroup v2 hierarchy is mounted here; lab hosts need one (mount -t cgroup2 none /sys/fs/cgroup/unified)');
  }
  return hierarchies;
}
