import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { execa } from 'execa';
import { resolveInside } from '../rootfs/resolve-inside.ts';
import { isolatedRootfs, isolationScript } from './isolation-script.ts';

export interface IsolatedRun {
  /** Real directory; the only place that the command can change. */
  readonly rootfs: string;
  /** What is run: `['/bin/sh', '-c', …]`. */
  readonly argv: readonly string[];
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>;
  /** True: a network namespace of its own, without any interface but a dead lo. False: the build host's network, its local services included. */
  readonly noNetwork: boolean;
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface IsolatedResult {
  readonly exitCode: number;
  /** The last lines of the output. */
  readonly tail: readonly string[];
}

const tailLines = 20;

/**
 * Runs a command that can write to the rootfs and nowhere else. Where the rootfs has a /bin/sh it runs inside (chroot), else it runs the
 * build host's tools with the rootfs as working directory. It ends with this process, whatever ends that. Throws NOT_ROOT, BUILD_RUN_FAILED
 * when the isolation cannot be had, CANCELLED.
 */
export async function runIsolated(run: IsolatedRun): Promise<IsolatedResult> {
  if (process.getuid?.() !== 0)
    throw new Problem('NOT_ROOT', 'RUN needs root on the build host: it makes namespaces and read-only mounts', {
      remedy: 'Build as root, or without RUN.',
    });
  const inside = await hasShell(run.rootfs);
  const environment = Object.entries(run.env).map(([name, value]) => `${name}=${value}`);
  const command = inside ? [await chrootProgram(), isolatedRootfs, ...run.argv] : run.argv;
  const namespaces = ['--mount', '--pid', '--ipc', '--uts', ...(run.noNetwork ? ['--net'] : [])];
  const script = ['sh', '-c', isolationScript, 'seal-run', run.rootfs, inside ? 'chroot' : 'host', ...environment, ...command];
  const tail: string[] = [];
  const unshare = ['unshare', ...namespaces, '--fork', '--kill-child', '--mount-proc', '--', ...script];
  // The kernel ends unshare with this process, and with unshare the pid namespace: a killed build leaves nothing running.
  const child = execa('setpriv', ['--pdeathsig', 'KILL', ...unshare], {
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    // unshare waits for its child on SIGTERM; killed, it takes the whole pid namespace with it.
    killSignal: 'SIGKILL',
    ...(run.signal ? { cancelSignal: run.signal } : {}),
  });
  for await (const line of child.iterable({ from: 'all' })) {
    tail.push(line);
    if (tail.length > tailLines) tail.shift();
    run.onLine(line);
  }
  const result = await child;
  if (result.isCanceled) throw new Problem('CANCELLED', 'the build was cancelled');
  if (result.exitCode === 125 || result.exitCode === undefined) {
    const why = tail.find((line) => line.startsWith('seal: ')) ?? result.shortMessage ?? 'no reason given';
    if (result.exitCode === undefined || tail.some((line) => line.startsWith('seal: ')))
      throw new Problem('BUILD_RUN_FAILED', `RUN could not be started in isolation: ${why}`, {
        remedy: 'RUN needs unshare, mount and setpriv of util-linux and the right to make mount namespaces.',
      });
  }
  return { exitCode: result.exitCode ?? 1, tail };
}

async function hasShell(rootfs: string): Promise<boolean> {
  const shell = await resolveInside(rootfs, 'bin/sh');
  return shell !== undefined && exists(shell);
}

async function chrootProgram(): Promise<string> {
  for (const directory of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const path = join(directory, 'chroot');
    if (await exists(path)) return path;
  }
  throw new Problem('BUILD_RUN_FAILED', 'the build host has no program "chroot"');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
