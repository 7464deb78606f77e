import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostSpec } from './lab-state.ts';
import { mustRunCommand } from './must-run-command.ts';

/** Directories of one host on the machine. */
export interface HostDisk {
  directory: string;
  root: string;
  /** The host's /var/lib: a plain directory, because container runtimes cannot put an overlay on an overlay. */
  varLib: string;
  console: string;
  shape: string;
}

export function hostDisk(directory: string): HostDisk {
  return {
    directory,
    root: join(directory, 'root'),
    varLib: join(directory, 'var-lib'),
    console: join(directory, 'console.log'),
    shape: join(directory, 'shape'),
  };
}

/** Makes and mounts the host's disk: an overlay over the base tree, /var/lib beside it. */
export async function createHostDisk(disk: HostDisk, base: string, host: HostSpec, etcHosts: string): Promise<void> {
  const upper = join(disk.directory, 'upper');
  const work = join(disk.directory, 'work');
  for (const path of [join(upper, 'etc'), work, disk.root]) mkdirSync(path, { recursive: true });
  writeFileSync(join(upper, 'etc/hostname'), `${host.name}\n`);
  writeFileSync(join(upper, 'etc/hosts'), etcHosts);
  await mustRunCommand('cp', ['-a', '--reflink=auto', join(base, 'var/lib'), disk.varLib]);
  await mountHostDisk(disk, base, host);
}

async function mountHostDisk(disk: HostDisk, base: string, host: HostSpec): Promise<void> {
  const layers = `lowerdir=${base},upperdir=${join(disk.directory, 'upper')},workdir=${join(disk.directory, 'work')}`;
  await mustRunCommand('mount', ['-t', 'overlay', 'seal-lab', '-o', layers, disk.root]);
  if (host.stateSizeMiB !== undefined) {
    const state = join(disk.varLib, 'seal');
    mkdirSync(state, { recursive: true });
    await mustRunCommand('mount', ['-t', 'tmpfs', '-o', `size=${host.stateSizeMiB}M,mode=755`, 'seal-lab-state', state]);
  }
  for (const bind of host.binds ?? []) {
    if (!existsSync(bind.from))
      throw new Error(`host ${host.name} is to see ${bind.from} as ${bind.to}, but there is no ${bind.from}`);
  }
}
