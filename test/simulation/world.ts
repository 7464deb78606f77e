import { DatabaseSync } from 'node:sqlite';
import { AgentLife } from './agent-life.ts';
import { copyDatabase } from './copy-database.ts';
import type { FaultKind } from './faults.ts';
import { Faults } from './faults.ts';
import { Host } from './host.ts';
import type { MakeMutant, Mutant } from './mutants.ts';
import { Network } from './network.ts';
import { ObservedReasons } from './observed-reasons.ts';
import { Observer } from './observer.ts';
import type { Operator } from './operators.ts';
import { Prng } from './prng.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { ServerLife } from './server-life.ts';
import { Trace } from './trace.ts';
import { VirtualTime } from './virtual-time.ts';
import { Watcher } from './watchers.ts';

export interface Violation {
  /** Short name of the invariant. */
  readonly invariant: string;
  readonly message: string;
  readonly at: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly without: ReadonlySet<FaultKind>;
  readonly mutant: MakeMutant;
  readonly keepTrace: boolean;
}

/** Everything of one run: servers, hosts with their agents, the network between them, and the observer who sees it all. */
export class World {
  /** Wall time when the world began. */
  readonly epochMs = 1_700_000_000_000;
  readonly time = new VirtualTime();
  readonly trace: Trace;
  readonly faults: Faults;
  readonly scenario: Scenario;
  readonly mutant: Mutant;
  database = new DatabaseSync(':memory:');
  readonly network: Network;
  readonly observer: Observer;
  readonly reasons: ObservedReasons;
  readonly hosts = new Map<string, Host>();
  readonly agents = new Map<string, AgentLife>();
  readonly operators: Operator[] = [];
  readonly watchers = new Map<string, Watcher>();
  servers: ServerLife[] = [];
  serverClockOffset = 0;
  storeFullUntil = 0;
  violation: Violation | undefined;
  readonly prng: Prng;
  /** When the servers were last restored from a backup. */
  restoredAt = 0;
  /** Of all servers so far. */
  highestEpoch = 0;
  readonly #isWatched: boolean;
  #serversMade = 0;
  readonly #lost: DatabaseSync[] = [];

  constructor({ seed, without, mutant, keepTrace }: WorldOptions) {
    this.prng = new Prng(seed);
    this.mutant = mutant(() => this.time.now);
    this.trace = new Trace(keepTrace);
    this.faults = new Faults(this.prng.fork('faults'), without);
    this.scenario = drawScenario(this.prng.fork('scenario'));
    this.#isWatched = this.prng.fork('watchers').chance(0.1);
    this.network = new Network(this, this.prng.fork('network'));
    this.observer = new Observer(this);
    this.reasons = new ObservedReasons(this);
    for (const node of this.scenario.nodes) this.hosts.set(node.id, new Host(this, node, this.prng.fork(node.id)));
  }

  note(who: string, what: string): void {
    this.trace.note(this.time.now, who, what);
  }

  /** Says that an invariant does not hold; the first one counts. */
  violated(invariant: string, message: string): void {
    this.note('OBSERVER', `${invariant}: ${message}`);
    this.violation ??= { invariant, message, at: this.time.now };
  }

  /** True while nothing more fits on the disk of the servers. */
  get isStoreFull(): boolean {
    return !this.faults.quiet && this.time.now < this.storeFullUntil;
  }

  logger(who: string) {
    const say = (level: string) => (fields: object, message: string) => {
      const { err, problem, ...rest } = fields as { err?: unknown; problem?: unknown };
      const why = err ?? problem;
      this.note(who, `${level} ${message}${why ? `: ${String(why)}` : ''} ${JSON.stringify(rest)}`);
    };
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  }

  /** Starts a server; when it ends, and none that replaced it lives, the next one follows. */
  startServer(): ServerLife {
    this.#serversMade += 1;
    const prng = this.prng.fork(`server ${this.#serversMade}`);
    const server = new ServerLife(this, this.#serversMade, prng);
    this.servers.push(server);
    server.life.onEnd(() => {
      this.servers = this.servers.filter((other) => other !== server);
      this.time.after(prng.pick([10, 500, 5000, 30_000]), () => {
        if (!this.servers.some((other) => !other.disk.copied && other.epoch >= server.epoch)) this.startServer();
      });
    });
    return server;
  }

  /** A server is copied with its machine and disk: the copy goes on with what it knows, while another server takes its place. */
  copyServer(server: ServerLife): void {
    server.disk.copied = copyDatabase(this.database);
    for (const nodeId of this.hosts.keys()) this.network.reset(nodeId);
    for (const watcher of this.watchers.values()) watcher.cutOff();
    this.startServer();
  }

  /** The servers and their disk are lost. What starts next has an older copy of it. */
  restoreServer(backup: DatabaseSync): void {
    for (const server of this.servers) if (!server.disk.copied) server.life.end('ended: its disk is lost');
    // After the last write of those that ended, before the start of the next.
    this.time.after(0, () => {
      this.#lost.push(this.database);
      this.database = backup;
      this.restoredAt = this.time.now;
      this.observer.log.restored(backup);
      for (const watcher of this.watchers.values()) watcher.startOver();
    });
  }

  /** A backup knows too low an epoch, and the clock makes up for it: not where that is wrong too, which is for people to see to. */
  setServerClockRight(): void {
    if (this.restoredAt === 0) return;
    this.serverClockOffset = Math.max(this.serverClockOffset, (this.highestEpoch + 1) * 1000 - this.epochMs - this.time.now);
  }

  close(): void {
    for (const database of [...this.#lost, this.database]) database.close();
  }

  /** Somebody watches an operation, in some worlds. */
  watch(operation: string): void {
    if (!this.#isWatched) return;
    const watcher = new Watcher(this, operation);
    this.watchers.set(operation, watcher);
    watcher.begin();
  }

  /** Of the servers that live, the one that replaced the others. */
  newestServer(): ServerLife | undefined {
    return this.servers.reduce<ServerLife | undefined>(
      (newest, one) => (!one.disk.copied && one.epoch > (newest?.epoch ?? -1) ? one : newest),
      undefined,
    );
  }

  /** The server that a node or a person reaches now: with two of them, either. A copy is reached only by agents that know of a newer one. */
  reachableServer(nodeId?: string): ServerLife | undefined {
    const epochSeen = (nodeId && this.hosts.get(nodeId)?.journal.state.epoch) || 0;
    const serving = this.servers.filter(({ parts, disk, epoch }) => parts && (!disk.copied || epoch < epochSeen));
    return serving.length > 1 ? this.prng.pick(serving) : serving[0];
  }

  /** Starts the agent of a host; when it ends it is started again, as its unit says. */
  startAgent(nodeId: string): void {
    const host = this.hosts.get(nodeId);
    if (!host) throw new Error(`no host ${nodeId}`);
    const agent = new AgentLife(this, host);
    this.agents.set(nodeId, agent);
    agent.life.onEnd(() => {
      this.time.after(host.prng.pick([5, 100, 1000, 20_000]), () => {
        if (this.agents.get(nodeId) === agent) this.startAgent(nodeId);
      });
    });
  }
}
