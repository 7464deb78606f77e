import { dirname } from 'node:path';
import { after, before } from 'node:test';
import { buildRelease } from '@seal/release';
import { type CommandOptions, type CommandResult, type Host, type HostBind, type Lab, withLab } from '../hosts/index.ts';
import { installAgents } from './install-agents.ts';
import { distMount, installServer } from './install-server.ts';
import { untilConnected } from './until-connected.ts';

export interface SealLabOptions {
  /** Hosts with an agent, in order of their addresses. */
  readonly agents: readonly string[];
  /** Hosts without one. */
  readonly bare?: readonly string[];
  /** Folders of the machine that the server host sees. */
  readonly serverBinds?: readonly HostBind[];
  /** Size of /var/lib/seal of the hosts named here. */
  readonly stateSizeMiB?: Readonly<Record<string, number>>;
  /** Lines for /etc/seal/server.yaml. */
  readonly serverConfig?: string;
}

/** Hosts with Seal installed on them the way users install it. */
export class SealLab {
  readonly lab: Lab;
  readonly server: Host;

  constructor(lab: Lab) {
    this.lab = lab;
    this.server = lab.host('server');
  }

  host(name: string): Host {
    return this.lab.host(name);
  }

  /** Runs sealctl on the server's host; a non-zero exit code is a result. */
  sealctl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.server.run('sealctl', args, { timeoutSeconds: 300, ...options });
  }

  /** Runs sealctl and throws when it fails; returns stdout. */
  async mustSealctl(...args: string[]): Promise<string> {
    return (await this.server.mustRun('sealctl', args, { timeoutSeconds: 300 })).stdout;
  }

  /** What sealctl prints with `-o json`. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.mustSealctl(...args, '-o', 'json')) as T;
  }

  async untilConnected(...names: string[]): Promise<void> {
    await untilConnected(
      this.server,
      names.map((name) => this.host(name)),
    );
  }
}

/** Makes a lab with Seal installed, gives it to `use`, and removes it whatever happens. */
export async function withSealLab<T>(options: SealLabOptions, use: (seal: SealLab) => Promise<T>): Promise<T> {
  const { serverArchive } = await buildRelease();
  const serverBinds = [{ from: dirname(serverArchive), to: distMount }, ...(options.serverBinds ?? [])];
  const sized = (name: string) =>
    options.stateSizeMiB?.[name] === undefined ? {} : { stateSizeMiB: options.stateSizeMiB[name] };
  const others = [...options.agents, ...(options.bare ?? [])].map((name) => ({ name, ...sized(name) }));
  return withLab({ hosts: [{ name: 'server', binds: serverBinds, ...sized('server') }, ...others] }, async (lab) => {
    const seal = new SealLab(lab);
    if (options.serverConfig !== undefined) await seal.server.writeFile('/etc/seal/server.yaml', options.serverConfig);
    await installServer(seal.server, serverArchive);
    if (options.agents.length > 0) {
      const hosts = options.agents.map((name) => lab.host(name));
      await installAgents(seal.server, hosts);
      await untilConnected(seal.server, hosts);
    }
    return use(seal);
  });
}

/** For a `describe`: one lab with Seal before its tests, removed after them. Returns the function that gives it. */
export function useSealLab(options: SealLabOptions): () => SealLab {
  let seal: SealLab | undefined;
  let finish: () => void = () => undefined;
  let running: Promise<unknown> = Promise.resolve();
  before(async () => {
    await new Promise<void>((ready, failed) => {
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      running = withSealLab(options, async (made) => {
        seal = made;
        ready();
        await finished;
      });
      running.catch(failed);
    });
  });
  after(async () => {
    finish();
    await running;
  });
  return () => {
    if (seal === undefined) throw new Error('the lab is made before the first test runs; ask for it inside a test');
    return seal;
  };
}
