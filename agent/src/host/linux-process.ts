import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '@seal/foundation';
import { spoolFiles } from '../runner/file-spool.ts';
import type { FoundProcess, ProcessEnd, ProcessIdentity, ProcessPort, StepCommand, StepProcess } from '../runner/process-port.ts';
import { type StepKey, stepKeyText } from '../runner/step-key.ts';
import { bootId } from './boot-id.ts';
import { defaultPath, findProgram } from './find-program.ts';
import { processAgeMs, processStartTime } from './proc-stat.ts';
import { readEndFile, resetEndFile } from './process-end-file.ts';

/**
 * Waits for the agent's word on descriptor 3 before it runs the command, and writes how that ended. The agent's death closes the descriptor:
 * then the command never runs. Signals to the group reach command and wrapper alike; the wrapper outlives TERM to write the exit code.
 * Of a command that failed it writes too whether a TERM came or the host is shutting down (docs of readEndFile).
 */
const wrapper = `
_seal_end=$1.$$; shift
if ! read -r _seal_go <&3; then printf 'never-ran end' 1<>"$_seal_end"; exit 0; fi
_seal_mark=
trap '_seal_mark=" term"' TERM
trap : INT HUP QUIT
"$@" 3<&-
_seal_code=$?
if [ "$_seal_code" != 0 ] && [ "$(systemctl is-system-running 2>/dev/null)" = stopping ]; then _seal_mark=" stopping"; fi
printf 'exit %s%s end' "$_seal_code" "$_seal_mark" 1<>"$_seal_end"
`;

const pollMs = 200;

export interface LinuxProcessOptions {
  /** The root of the FileSpool. */
  readonly spoolRoot: string;
  /** A directory in memory (tmpfs) for what processes read from stdin, which may hold secrets. */
  readonly runDirectory: string;
}

/**
 * Each step in a session and process group of its own, which nothing but `signal` ends: neither the agent's end nor its restart.
 * Not covered: a command that makes a session of its own (setsid, a daemon) leaves the group and is not signalled.
 * /bin/sh drops environment variables whose names are not letters, digits and `_`.
 */
export function linuxProcesses(options: LinuxProcessOptions): ProcessPort {
  return {
    prepare: (key, command) => prepare(options, key, command),
    find: (key, identity) => find(identity, endFileOf(spoolFiles(options.spoolRoot, key).exit, identity.pid)),
  };
}

async function prepare(options: LinuxProcessOptions, key: StepKey, command: StepCommand): Promise<StepProcess> {
  const env = { PATH: defaultPath, HOME: '/root', ...command.env };
  const cwd = command.cwd ?? '/';
  const program = await findProgram(command.argv[0] ?? '', env.PATH, cwd);
  const files = spoolFiles(options.spoolRoot, key);
  const handles: FileHandle[] = [];
  try {
    handles.push(await openStdin(options.runDirectory, key, command.stdin));
    for (const stream of [1, 2] as const) handles.push(await open(files.stream(stream), 'a', 0o600));
    const args = ['-c', wrapper, 'seal-step', files.exit, program, ...command.argv.slice(1)];
    const child = spawn('/bin/sh', args, { cwd, env, detached: true, stdio: [...handles.map(({ fd }) => fd), 'pipe'] });
    await spawned(child);
    return await own(child, endFileOf(files.exit, child.pid ?? 0));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('PROCESS_FAILED', `cannot start ${program} in ${cwd}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/** One for each process: a wrapper of an agent that was killed may write its end after another process of the same step was made. */
function endFileOf(base: string, pid: number): string {
  return `${base}.${pid}`;
}

/** The file is gone from its directory before anything runs: only its descriptor is left. */
async function openStdin(runDirectory: string, key: StepKey, stdin: Uint8Array | undefined): Promise<FileHandle> {
  if (!stdin) return open('/dev/null', 'r');
  await mkdir(runDirectory, { recursive: true, mode: 0o700 });
  const path = join(runDirectory, `stdin-${stepKeyText(key)}`);
  const writer = await open(path, 'w', 0o600);
  try {
    await writer.writeFile(stdin);
    return await open(path, 'r');
  } finally {
    await writer.close();
    await unlink(path);
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

/** Problem of the disk: then the wrapper ends without having run anything. */
async function own(child: ChildProcess, endFile: string): Promise<StepProcess> {
  const pid = child.pid ?? 0;
  const gate = child.stdio[3] as Duplex;
  gate.on('error', () => undefined); // the wrapper is gone already: `ended` tells what became of it
  // Before anything is awaited: whoever kills the wrapper meanwhile must be noticed.
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    await resetEndFile(endFile);
  } catch (error) {
    gate.destroy();
    child.unref();
    throw error;
  }
  const identity = { pid, startTime: processStartTime(pid) ?? '0', bootId: bootId() };
  const ended = exited.then(() => endOf(endFile));
  return {
    identity,
    release: () => gate.end('go\n'),
    signal: (signal) => signalGroup(identity, signal),
    ended,
    detach: () => {
      gate.destroy();
      child.unref();
    },
  };
}

async function find(identity: ProcessIdentity, endFile: string): Promise<FoundProcess> {
  const isThisBoot = identity.bootId === bootId();
  const isAlive = isThisBoot && processStartTime(identity.pid) === identity.startTime;
  // Looked at before the file is read: a process that ends between the two is found ended.
  const written = await readEndFile(endFile, isThisBoot);
  if (written || !isAlive) return { end: written ?? { type: 'vanished' } };
  return { running: watch(identity, endFile) };
}

/** The end of a process that is no child of ours is seen by looking, every 200 ms. */
function watch(identity: ProcessIdentity, endFile: string): StepProcess {
  const stop = new AbortController();
  const look = async (): Promise<ProcessEnd> => {
    while (processStartTime(identity.pid) === identity.startTime) {
      // What cannot be read now may be a moment later: while the process is there it has not ended.
      const written = await readEndFile(endFile, true).catch(() => undefined);
      if (written) return written;
      await delay(pollMs, undefined, { signal: stop.signal });
    }
    return endOf(endFile);
  };
  const ended = new Promise<ProcessEnd>((resolve, reject) => {
    look().then(resolve, (error) => {
      if (!stop.signal.aborted) reject(error);
    });
  });
  return {
    identity,
    ageMs: processAgeMs(identity.startTime),
    release: () => undefined,
    signal: (signal) => signalGroup(identity, signal),
    ended,
    detach: () => stop.abort(),
  };
}

/** An end that cannot be read (too many open files, a disk that fails) is asked for again for 10 s, then there is none. */
async function endOf(endFile: string): Promise<ProcessEnd> {
  for (let tries = 0; tries < 50; tries += 1) {
    const read = await readEndFile(endFile, true).then(
      (written) => ({ written }),
      () => undefined,
    );
    if (read) return read.written ?? { type: 'vanished' };
    await delay(pollMs);
  }
  return { type: 'vanished' };
}

/**
 * Signals what is left of the group. The kernel gives a pid to nobody else while a group has that number, so the group is ours
 * unless another process holds the leader's pid by now.
 */
function signalGroup(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  const leader = processStartTime(identity.pid);
  if (identity.bootId !== bootId() || (leader !== undefined && leader !== identity.startTime)) return;
  try {
    process.kill(-identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
