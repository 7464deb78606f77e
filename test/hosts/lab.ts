import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { claimAddressRange, hostAddress, hubAddress } from './address-range.ts';
import { baseTree } from './base-tree.ts';
import { bootHost } from './boot-host.ts';
import { Host } from './host.ts';
import { createHostCgroups, planLabCgroups } from './host-cgroups.ts';
import { createHostDisk, hostDisk } from './host-disk.ts';
import { createHub } from './lab-network.ts';
import { labPaths, labsDirectory } from './lab-paths.ts';
import { type HostSpec, type LabState, readLabState, writeLabState } from './lab-state.ts';
import { isAlive, ownIdentity } from './process-identity.ts';
import { removeLab } from './remove-lab.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';

export interface LabOptions {
  /** 1 to 31 of a-z, 0-9 and "-"; no two labs of a machine have the same. */
  name: string;
  /** At most 200. The n-th gets the address 10.77.<range>.(10 + n), counted from 0. */
  hosts: readonly HostSpec[];
  /** Plain lines about what is done, for a person who waits. */
  onProgress?: (line: string) => void;
}

/** Several hosts on one network of their own. It outlives the process that made it, until `down`. */
export class Lab {
  readonly name: string;
  readonly #state: LabState;

  private constructor(state: LabState) {
    this.name = state.name;
    this.#state = state;
  }

  /** Makes the lab and boots all its hosts; they are up when it returns. On failure nothing is left of it. */
  static async create(options: LabOptions): Promise<Lab> {
    checkHosts(options.hosts);
    const paths = labPaths(options.name);
    const base = await baseTree({ onProgress: options.onProgress });
    mkdirSync(labsDirectory(), { recursive: true });
    try {
      mkdirSync(paths.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new Error(
        `lab "${options.name}" exists (${paths.directory}); use it, or remove it: node test/hosts/down-lab.ts ${options.name}`,
      );
    }
    try {
      const range = claimAddressRange(options.name);
      const state: LabState = {
        version: 1,
        name: options.name,
        createdAt: new Date().toISOString(),
        creator: ownIdentity(),
        range,
        cgroups: planLabCgroups(options.name),
        hosts: options.hosts.map((host, index) => ({ ...host, ip: hostAddress(range, index) })),
      };
      writeLabState(state);
      return await bootLab(state, base, options.onProgress);
    } catch (error) {
      await removeLab(options.name);
      throw error;
    }

    async function bootLab(state: LabState, base: string, onProgress: LabOptions['onProgress']): Promise<Lab> {
      allowManyWatches();
      await createHub(state.name, state.range);
      for (const host of state.hosts) {
        createHostCgroups(state.cgroups, host.name);
        await createHostDisk(hostDisk(paths.hostDirectory(host.name)), base, host, etcHosts(state));
        bootHost(state, host);
      }
      const lab = new Lab(state);
      await Promise.all(
        lab.hosts().map(async (host) => {
          await host.waitUntilUp();
          onProgress?.(`host ${host.name} (${host.ip}) is up`);
        }),
      );
      return lab;
    }
  }

  /** The running lab of that name, whoever made it; undefined where there is none. */
  static open(name: string): Lab | undefined {
    const state = readLabState(name);
    return state === undefined ? undefined : new Lab(state);
  }

  /** The names of all labs on this machine, half-made ones too. */
  static names(): string[] {
    try {
      return readdirSync(labsDirectory()).filter((name) => /^[a-z]/.test(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Removes whatever is left of the lab of that name, also a half-made one. Doing it again does nothing. */
  static remove(name: string): Promise<void> {
    return removeLab(name);
  }

  /** Removes the labs whose name starts so and whose creator is dead; returns their names. */
  static async removeStale(options: { prefix: string }): Promise<string[]> {
    const stale = Lab.names().filter((name) => name.startsWith(options.prefix) && Lab.open(name)?.isStale() === true);
    for (const name of stale) await removeLab(name);
    return stale;
  }

  /** True when the process that made the lab is dead. */
  isStale(): boolean {
    return !isAlive(this.#state.creator);
  }

  /** The bridge's address: the hosts' default route. */
  get hubIp(): string {
    return hubAddress(this.#state.range);
  }

  /** Throws for a name that no host of the lab has. */
  host(name: string): Host {
    return new Host(this.#state, name);
  }

  /** All hosts, in the order they were given. */
  hosts(): Host[] {
    return this.#state.hosts.map(({ name }) => this.host(name));
  }

  /** Runs a program of the machine where all hosts can be reached: in the bridge's network namespace. */
  inHub(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand('nsenter', [`--net=/run/netns/${labPaths(this.name).hubNamespace}`, '--', ...argv], options);
  }

  /** Removes every trace of the lab. Doing it again does nothing. */
  down(): Promise<void> {
    return removeLab(this.name);
  }
}

function checkHosts(hosts: readonly HostSpec[]): void {
  if (hosts.length < 1 || hosts.length > 200) throw new Error(`a lab has 1 to 200 hosts, not ${hosts.length}`);
  for (const { name } of hosts) {
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
      throw new Error(`host name "${name}" is not usable: it takes 1 to 31 of a-z, 0-9 and "-", and starts with a letter`);
    }
  }
  const twice = hosts.find((host, index) => hosts.findIndex(({ name }) => name === host.name) !== index);
  if (twice !== undefined) throw new Error(`two hosts of the lab are called "${twice.name}"`);
}

function etcHosts(state: LabState): string {
  const lines = state.hosts.map(({ name, ip }) => `${ip} ${name}`);
  return `127.0.0.1 localhost\n${lines.join('\n')}\n`;
}

/** One systemd holds 5 to 7 inotify instances, and 128 for all of root is the kernel's default; it is raised once, never lowered. */
function allowManyWatches(): void {
  const setting = '/proc/sys/fs/inotify/max_user_instances';
  if (Number(readFileSync(setting, 'utf8')) < 8192) writeFileSync(setting, '8192');
}
