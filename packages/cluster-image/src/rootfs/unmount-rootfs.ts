import { readdir, readlink, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Problem } from '@seal/foundation';
import { execa } from 'execa';
import { readMounts } from './mounts.ts';

/**
 * Takes a rootfs away with everything that was written on top of it, and the mounts that scripts made inside. Nothing there is success.
 * Throws ROOTFS_BUSY with the processes that hold it; nothing is removed then.
 */
export async function unmountRootfs(options: { readonly mountPoint: string; readonly workDir: string }): Promise<void> {
  const mountPoint = resolve(options.mountPoint);
  await unmountAll(mountPoint);
  await rm(mountPoint, { recursive: true, force: true });
  await rm(resolve(options.workDir), { recursive: true, force: true });
}

/** Unmounts whatever is mounted at or below `path`, the newest first. */
export async function unmountAll(path: string): Promise<void> {
  const inside = (await readMounts()).filter(({ mountPoint }) => mountPoint === path || mountPoint.startsWith(`${path}/`));
  for (const { mountPoint } of inside.reverse()) {
    const result = await execa('umount', [mountPoint], { reject: false, env: { LC_ALL: 'C' } });
    if (result.exitCode === 0) continue;
    const holders = await holdersOf(path);
    const named = holders.length > 0 ? `; in use by ${holders.join(', ')}` : '';
    throw new Problem('ROOTFS_BUSY', `${mountPoint} cannot be unmounted: ${result.stderr.trim()}${named}`, {
      details: { mountPoint, holders },
    });
  }
}

/** Processes whose working directory, root, program or open file lies inside, as `name (pid)`. */
async function holdersOf(path: string): Promise<string[]> {
  const holders: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    const links = ['cwd', 'root', 'exe'].map((name) => join('/proc', pid, name));
    // A process may end, or be out of reach, while it is looked at: it holds nothing then that could be shown.
    const descriptors = await readdir(join('/proc', pid, 'fd')).catch(() => []);
    const targets = await Promise.all(
      [...links, ...descriptors.map((name) => join('/proc', pid, 'fd', name))].map((link) => readlink(link).catch(() => '')),
    );
    const program = targets[2]?.split('/').at(-1) ?? '';
    if (targets.some((target) => target === path || target.startsWith(`${path}/`))) holders.push(`${program} (${pid})`);
  }
  return holders;
}
