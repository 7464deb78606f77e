import { lstat, mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, Problem, sha256Digest, sleep, systemClock } from '@seal/foundation';
import type { RunInstruction } from '../kubefile/kubefile.ts';
import { kubefileProblem } from '../kubefile/kubefile-problem.ts';
import { applyLayer } from '../rootfs/apply-layer.ts';
import { unpackLayer } from '../rootfs/unpack-layer.ts';
import type { BuildContext, BuildState } from './build-state.ts';
import { type BuiltLayer, findCachedLayer, rememberLayer } from './layer-cache.ts';
import { runIsolated } from './run-isolated.ts';
import { diffSnapshots, takeSnapshot } from './snapshot.ts';
import { writeLayer } from './write-layer.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Passed through from the build host, and no part of what makes a layer, as with Docker's builder. */
const proxyVariables = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'].flatMap((name) => [
  name,
  name.toUpperCase(),
]);

/**
 * Runs a RUN and makes a layer of what it changed; or takes the layer that the same command with the same variables made on the same layers
 * before. Undefined where nothing changed. Throws BUILD_RUN_FAILED, NOT_ROOT.
 */
export async function buildRun(
  context: BuildContext,
  state: BuildState,
  instruction: RunInstruction,
): Promise<BuiltLayer | undefined> {
  const env = runEnvironment(context, state);
  const noNetwork = context.noNetwork || instruction.network === 'none';
  const chain = state.layers.map(({ diffId }) => diffId);
  const key = sha256Digest(
    canonicalJson({ run: instruction.command, env, noNetwork, chain, epochSeconds: context.epochSeconds }),
  );
  const known = context.noCache ? undefined : await findCachedLayer(context.store, key);
  if (known) return known;
  const rootfs = await materialise(context, state);
  const borrowed = await borrowMountPoints(rootfs);
  const before = await takeSnapshot(rootfs);
  // Kernels before 6.13 stamp changes with the tick; what RUN changes must not fall into the tick of the snapshot.
  await sleep(systemClock, 12);
  const { command } = instruction;
  const argv = argvOf(command);
  const proxies = Object.fromEntries(proxyVariables.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const { exitCode, tail } = await runIsolated({
    rootfs,
    argv,
    env: { ...proxies, ...env },
    noNetwork,
    onLine: (line) => context.onProgress({ kind: 'output', line }),
    ...(context.signal ? { signal: context.signal } : {}),
  });
  if (exitCode !== 0) throw runFailed(context, instruction, exitCode, tail);
  const returned = new Set(await returnMountPoints(rootfs, borrowed));
  const own = new Map([...before].filter(([path]) => !returned.has(path)));
  const { entries, skipped } = diffSnapshots(rootfs, own, await takeSnapshot(rootfs));
  for (const path of skipped)
    context.onProgress({ kind: 'warning', message: `/${path} is a socket, pipe or device and is left out` });
  if (entries.length === 0) return undefined;
  const layer = await writeLayer(context, entries);
  await rememberLayer(context.store, key, layer);
  if (state.rootfs) state.rootfs.layers += 1;
  return layer;
}

/** A program of its own is laid into the private /dev of the RUN, the one place that a rootfs and the build host's tools both see. */
function argvOf(command: RunInstruction['command']): readonly string[] {
  if (command.form === 'exec') return command.argv;
  if (command.form === 'shell') return ['/bin/sh', '-c', command.script];
  const start = 'f=/dev/shm/seal-run; printf %s "$1" > $f && chmod 700 $f && exec $f';
  return ['/bin/sh', '-c', start, 'seal-run', command.text];
}

function runEnvironment({ epochSeconds }: BuildContext, state: BuildState): Record<string, string> {
  return {
    PATH: defaultPath,
    HOME: '/root',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(epochSeconds),
    ...state.variables(),
  };
}

function runFailed(context: BuildContext, instruction: RunInstruction, exitCode: number, tail: readonly string[]): Problem {
  const last = tail.at(-1);
  const message = `RUN ended with exit code ${exitCode}${last ? `; its last words: ${last}` : ''}`;
  const placed = kubefileProblem(context.kubefile, instruction.at, message, 'BUILD_RUN_FAILED');
  return new Problem('BUILD_RUN_FAILED', placed.message, { details: { ...placed.details, exitCode, output: tail.join('\n') } });
}

/** Unpacks the layers that RUN stands on, into the session; those that earlier RUNs of this build have unpacked already stay. */
async function materialise(context: BuildContext, state: BuildState): Promise<string> {
  if (!state.rootfs) {
    const directory = context.session.path('rootfs');
    await mkdir(directory, { mode: 0o755 });
    state.rootfs = { directory, layers: 0 };
  }
  for (const layer of state.layers.slice(state.rootfs.layers)) {
    const unpacked = context.session.path('layer');
    const source = { path: context.store.blobPath(layer.digest), mediaType: layer.mediaType, expectedDigest: layer.digest };
    await unpackLayer(source, unpacked, { durable: false });
    await applyLayer(unpacked, state.rootfs.directory, { mode: 'move' });
    await rm(unpacked, { recursive: true, force: true });
    state.rootfs.layers += 1;
  }
  return state.rootfs.directory;
}

/** A rootfs with a shell gets /dev, /proc, /sys and resolv.conf while RUN lasts; places for them that are missing are made for that time. */
async function borrowMountPoints(rootfs: string): Promise<string[]> {
  const borrowed: string[] = [];
  if (!(await kindOf(join(rootfs, 'bin')))) return borrowed;
  for (const path of ['dev', 'proc', 'sys']) {
    if (await kindOf(join(rootfs, path))) continue;
    await mkdir(join(rootfs, path), { mode: 0o755 });
    borrowed.push(path);
  }
  if ((await kindOf(join(rootfs, 'etc'))) === 'directory' && !(await kindOf(join(rootfs, 'etc/resolv.conf')))) {
    await writeFile(join(rootfs, 'etc/resolv.conf'), '', { flag: 'wx' });
    borrowed.push('etc/resolv.conf');
  }
  return borrowed;
}

/** Takes away again what is still as it was made, and tells what that is. */
async function returnMountPoints(rootfs: string, borrowed: readonly string[]): Promise<string[]> {
  const returned: string[] = [];
  for (const path of borrowed) {
    const absolute = join(rootfs, path);
    const kind = await kindOf(absolute);
    if (kind === 'directory') {
      const removed = await rmdir(absolute).then(
        () => true,
        (thrown: NodeJS.ErrnoException) => {
          if (thrown.code === 'ENOTEMPTY') return false;
          throw thrown;
        },
      );
      if (removed) returned.push(path);
    } else if (kind === 'file' && (await lstat(absolute)).size === 0) {
      await rm(absolute);
      returned.push(path);
    }
  }
  return returned;
}

async function kindOf(path: string): Promise<'directory' | 'file' | 'other' | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw thrown;
  }
}
