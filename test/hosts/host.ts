import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootHost } from './boot-host.ts';
import { enterHost, hostLeader } from './enter-host.ts';
import { cgroupEvent, hostCgroups, killCgroup, waitForEvent } from './host-cgroups.ts';
import { type HostDisk, hostDisk } from './host-disk.ts';
import { labPaths } from './lab-paths.ts';
import type { LabState } from './lab-state.ts';
import { setCable, setLoss, setPairCut, setRate } from './network-faults.ts';
import { pollUntil } from './poll-until.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import { runOnTerminal } from './run-on-terminal.ts';

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const ballast = '/var/lib/seal/.ballast';

/**
 * One host of a lab: a machine with its own systemd, network, address and disk. Commands run in it as root.
 * Every call is bounded in time (default 120 s, `timeoutSeconds` for a command) and throws with what it waited for.
 */
export class Host {
  readonly name: string;
  readonly ip: string;
  readonly #lab: LabState;

  constructor(lab: LabState, name: string) {
    const host = lab.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) {
      throw new Error(`lab ${lab.name} has no host "${name}"; it has ${lab.hosts.map((each) => each.name).join(', ')}`);
    }
    this.#lab = lab;
    this.name = host.name;
    this.ip = host.ip;
  }

  /** Runs a command in the host. A non-zero exit code is a result; throws when the host is not running or time is up. */
  async run(command: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    const [program, ...rest] = this.#enter([command, ...args]);
    const describedAs = `${this.name}: ${[command, ...args].join(' ')}`;
    return runCommand(program, rest, { describedAs, ...options, env: { ...hostEnvironment(), ...options.env } });
  }

  /** Like `run`, but throws on a non-zero exit code, with the host, the command and its output. */
  async mustRun(command: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<CommandResult> {
    const result = await this.run(command, args, options);
    if (result.code !== 0) {
      const output = `${result.stdout}${result.stderr}`.trim();
      throw new Error(`${this.name}: ${[command, ...args].join(' ')} ended with ${result.code}:\n${output}`);
    }
    return result;
  }

  /** Runs a bash script that stops at its first failing command; returns its standard output without the last newline. */
  async sh(script: string, options: CommandOptions = {}): Promise<string> {
    const { stdout } = await this.mustRun('bash', ['--norc', '-euo', 'pipefail', '-c', script], options);
    return stdout.replace(/\n$/, '');
  }

  /** Writes a file, making its directory; mode 0644 unless told. */
  async writeFile(path: string, content: string | Uint8Array, options: { mode?: number } = {}): Promise<void> {
    await this.sh(...copyScript(path, options.mode), { input: content });
  }

  /** Copies a file of the machine into the host. */
  async copyFile(from: string, to: string, options: { mode?: number } = {}): Promise<void> {
    await this.sh(...copyScript(to, options.mode), { inputFile: from });
  }

  async readFile(path: string): Promise<string> {
    return (await this.mustRun('cat', ['--', path])).stdout;
  }

  /**
   * Runs a command on this process's own terminal; returns its exit code. Not bounded in time: a person sits there.
   * Ctrl-C is the command's: this process and what stands between the two outlive it.
   */
  async interactive(argv: readonly string[]): Promise<number> {
    const line = this.#enter(['env', '--default-signal=INT', ...argv]);
    const env = { ...hostEnvironment(), TERM: process.env.TERM ?? 'dumb' };
    return runOnTerminal(['sh', '-c', 'trap "" INT; exec "$@"', 'sh', ...line], env);
  }

  async restartUnit(unit: string): Promise<void> {
    await this.mustRun('systemctl', ['restart', unit]);
  }

  /** Waits until systemd has started everything it was to start. */
  async waitUntilUp(timeoutSeconds = 60): Promise<void> {
    let state = 'not running';
    await pollUntil(
      async () => {
        if (!this.isRunning()) return undefined;
        state = (await this.#ask(['systemctl', 'is-system-running'])) || state;
        return state === 'running' || state === 'degraded' || undefined;
      },
      { timeoutSeconds, everyMilliseconds: 150, describe: () => this.#notUp(state) },
    );
  }

  isRunning(): boolean {
    return hostLeader(this.#lab, this.name) !== undefined;
  }

  /** Differs after each boot. */
  async bootId(): Promise<string> {
    return (await this.readFile('/proc/sys/kernel/random/boot_id')).trim();
  }

  /** Restarts the host in good order and waits until it is up again. */
  async reboot(timeoutSeconds = 90): Promise<void> {
    const before = hostLeader(this.#lab, this.name);
    await this.mustRun('systemctl', ['reboot']);
    await pollUntil(
      () => {
        const now = hostLeader(this.#lab, this.name);
        return (now !== undefined && now !== before) || undefined;
      },
      { timeoutSeconds, describe: () => `host ${this.name} was told to reboot and does not start again` },
    );
    await this.waitUntilUp(timeoutSeconds);
  }

  /** Stops the host in good order; `start` boots it again. */
  async shutDown(timeoutSeconds = 60): Promise<void> {
    await this.mustRun('systemctl', ['poweroff']);
    await waitForEvent(hostCgroups(this.#lab.cgroups, this.name).whole, 'populated', '0', timeoutSeconds);
  }

  /** Every process ends at once, none is asked. What was written stays, synced or not: the kernel's cache belongs to the machine. */
  async powerLoss(): Promise<void> {
    await killCgroup(hostCgroups(this.#lab.cgroups, this.name).whole);
  }

  /** Boots a host that is off, with the disk it had, and waits until it is up. */
  async start(timeoutSeconds = 60): Promise<void> {
    if (cgroupEvent(hostCgroups(this.#lab.cgroups, this.name).whole, 'populated') === '1') {
      throw new Error(`host ${this.name} is running; only a host that is off can be started`);
    }
    bootHost(this.#lab, this.#lab.hosts.find((host) => host.name === this.name)!);
    await this.waitUntilUp(timeoutSeconds);
  }

  /** Pulls the network cable. Commands still run in the host: they do not go over its network. */
  cutNetwork(): Promise<void> {
    return setCable(this.#lab, this.name, 'down');
  }

  healNetwork(): Promise<void> {
    return setCable(this.#lab, this.name, 'up');
  }

  /** These two hosts no longer reach each other; both still reach everybody else. */
  cutFrom(other: Host): Promise<void> {
    return setPairCut(this.#lab, this.name, other.name, true);
  }

  healFrom(other: Host): Promise<void> {
    return setPairCut(this.#lab, this.name, other.name, false);
  }

  /** Loses this share of the packets, each way, at random; 0 ends it. */
  dropPackets(percent: number): Promise<void> {
    return setLoss(this.#lab, this.name, percent);
  }

  /** Limits the traffic each way, e.g. to `10mbit`; undefined ends it. */
  shape(rate: string | undefined): Promise<void> {
    return setRate(this.#lab, this.name, rate);
  }

  /** Stops every process of the host where it stands. Its kernel still answers pings and accepts connections. */
  async freeze(): Promise<void> {
    await this.#setFrozen('1');
  }

  async thaw(): Promise<void> {
    await this.#setFrozen('0');
  }

  /** Fills /var/lib/seal to the last byte, again when something was given back; only on a host made with `stateSizeMiB`. */
  async fillDisk(): Promise<void> {
    if (this.#lab.hosts.find((host) => host.name === this.name)?.stateSizeMiB === undefined) {
      throw new Error(`host ${this.name} has no state file system of its own to fill; make it with stateSizeMiB`);
    }
    const append = `dd if=/dev/zero of=${ballast} oflag=append conv=notrunc bs=64k status=none || true`;
    await this.sh(`until [ "$(df --output=avail /var/lib/seal | tail -1)" -eq 0 ]; do ${append}; done`);
  }

  /** Takes away what `fillDisk` wrote. */
  async freeDisk(): Promise<void> {
    await this.mustRun('rm', ['-f', ballast]);
  }

  /** The last lines of the host's console and of its supervisor. */
  consoleTail(lines = 20): string {
    return readFileSync(this.#disk().console, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  #disk(): HostDisk {
    return hostDisk(labPaths(this.#lab.name).hostDirectory(this.name));
  }

  #enter(argv: readonly string[]): [string, ...string[]] {
    const line = enterHost(this.#lab, this.name, argv);
    if (line === undefined) throw new Error(this.#notUp('not running'));
    return line as [string, ...string[]];
  }

  /** What a command says; nothing when the host goes away meanwhile, as it may during a boot. */
  async #ask(argv: readonly string[]): Promise<string> {
    const line = enterHost(this.#lab, this.name, ['timeout', '5', ...argv]);
    if (line === undefined) return '';
    return (await runCommand(line[0]!, line.slice(1), { env: hostEnvironment(), timeoutSeconds: 10 })).stdout.trim();
  }

  async #setFrozen(frozen: '0' | '1'): Promise<void> {
    const { payload } = hostCgroups(this.#lab.cgroups, this.name);
    writeFileSync(join(payload, 'cgroup.freeze'), frozen);
    await waitForEvent(payload, 'frozen', frozen, 10);
  }

  #notUp(state: string): string {
    return `host ${this.name} of lab ${this.#lab.name} is not up: ${state}; its console (${this.#disk().console}) ends with:\n${this.consoleTail()}`;
  }
}

function hostEnvironment(): Record<string, string> {
  return { PATH: searchPath, HOME: '/root', USER: 'root', LANG: 'C.UTF-8', TERM: 'dumb' };
}

function copyScript(path: string, mode = 0o644): [string] {
  const target = `'${path.replaceAll("'", `'\\''`)}'`;
  return [`mkdir -p "$(dirname ${target})"; cat > ${target}; chmod ${mode.toString(8)} ${target}`];
}
