import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { arch, cpus, hostname, networkInterfaces, release } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { NodeFacts } from '@seal/plan';
import { bootId } from './boot-id.ts';
import { hostAddresses } from './host-addresses.ts';
import { listeningPorts } from './listening-ports.ts';

export interface HostOptions {
  /** `<dataRoot>/<cluster>/rootfs`. */
  readonly dataRoot: string;
  readonly agentVersion: string;
  readonly now: number;
}

/** Looks at this Linux host. */
export async function takeNodeFacts({ dataRoot, agentVersion, now }: HostOptions): Promise<NodeFacts> {
  const memory = await readMemory();
  const release_ = parseEnv(await readOr('/etc/os-release', ''));
  return {
    hostname: hostname(),
    addresses: hostAddresses(networkInterfaces()),
    arch: arch() === 'arm64' ? 'arm64' : 'amd64',
    os: { id: release_.ID ?? 'linux', version: release_.VERSION_ID ?? '', kernel: release() },
    machineId: (await readOr('/etc/machine-id', '')).trim(),
    bootId: bootId(),
    cpus: cpus().length,
    memoryBytes: memory.MemTotal ?? 0,
    swapBytes: memory.SwapTotal ?? 0,
    diskFreeBytes: await freeBytes(dataRoot),
    listeningPorts: await listeningPorts(),
    rootfs: await clustersWithRootfs(dataRoot),
    takenAt: now,
    agentVersion,
  };
}

/** Fields of /proc/meminfo in bytes. */
async function readMemory(): Promise<Readonly<Record<string, number>>> {
  const lines = (await readFile('/proc/meminfo', 'utf8')).matchAll(/^(\w+):\s+(\d+) kB$/gm);
  return Object.fromEntries([...lines].map(([, name, kibibytes]) => [name, Number(kibibytes) * 1024]));
}

/** Of the file system that holds `path`, or will hold it. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === '/') throw error;
    return freeBytes(join(path, '..'));
  }
}

async function clustersWithRootfs(dataRoot: string): Promise<string[]> {
  const names = await readdir(dataRoot).catch(absent<string[]>([]));
  const found: string[] = [];
  for (const name of names.sort()) if (await stat(join(dataRoot, name, 'rootfs')).catch(absent(undefined))) found.push(name);
  return found;
}

function readOr(path: string, fallback: string): Promise<string> {
  return readFile(path, 'utf8').catch(absent(fallback));
}

function absent<T>(fallback: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return fallback;
    throw error;
  };
}
