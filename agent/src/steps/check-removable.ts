import { dirname, normalize } from 'node:path';
import { Problem } from '@seal/foundation';

/** Directories in which programs of the host live or that hold the state of others: what is in them may be removed, they may not. */
const protectedDirectories = new Set(
  [
    '/usr/bin /usr/sbin /usr/lib /usr/lib64 /usr/libexec /usr/local /usr/local/bin /usr/local/sbin /usr/local/lib /usr/share /usr/src',
    '/var/lib /var/log /var/run /var/cache /var/spool /var/tmp /var/lib/seal /var/lib/seal/data /var/lib/dpkg /var/lib/apt /var/lib/rpm',
    '/var/lib/systemd /run/systemd /run/lock /run/user /run/dbus /etc/systemd /etc/systemd/system /etc/ssh /etc/ssl /etc/pam.d /etc/apt',
    '/etc/network /etc/default /etc/init.d /etc/modules-load.d /etc/sysctl.d /etc/profile.d /etc/seal /etc/passwd /etc/shadow /etc/group',
    '/etc/fstab /etc/hosts /etc/machine-id /etc/os-release /etc/resolv.conf',
  ].flatMap((line) => line.split(' ')),
);

export interface Surroundings {
  readonly mountPoints: readonly string[];
  /** Directories of the agent: neither they, nor what is in them, nor what they are in. */
  readonly ownDirectories: readonly string[];
}

/** Refuses a path that must not be removed with everything below it. `path` is absolute, its parents no symbolic links. Problem: PATH_PROTECTED. */
export function checkRemovable(path: string, { mountPoints, ownDirectories }: Surroundings): void {
  const refuse = (why: string): never => {
    throw new Problem('PATH_PROTECTED', `will not remove ${path}: ${why}`);
  };
  if (!path.startsWith('/') || normalize(path) !== path || /.\/$/.test(path)) refuse('it is not a plain absolute path');
  if (path === '/' || dirname(path) === '/') refuse('it is the root directory or directly below it');
  if (protectedDirectories.has(path)) refuse('it is a directory of the system');
  for (const own of ownDirectories)
    if (isWithin(own, path) || isWithin(path, own)) refuse(`it holds or is part of ${own}, the agent's own`);
  const mounted = mountPoints.find((mountPoint) => isWithin(mountPoint, path));
  if (mounted !== undefined) refuse(mounted === path ? 'it is a mount point' : `${mounted} is mounted below it`);
  if (/^\/(proc|sys|dev)\//.test(path)) refuse('it is a file system of the kernel');
}

/** True when `path` is `directory` or below it. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
