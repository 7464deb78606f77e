import { Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';
import { ClusterRecords } from '../../server/src/operation/cluster-records.ts';
import { OperationLog } from '../../server/src/operation/operation-log.ts';
import { OperationStarter } from '../../server/src/operation/start-operation.ts';
import { Executor } from '../../server/src/scheduler/executor.ts';
import { type AgentLink, Sessions } from '../../server/src/session/sessions.ts';
import type { Store } from '../../server/src/store/store.ts';
import { Life } from './life.ts';
import type { Prng } from './prng.ts';
import { type Disk, simulatedStore } from './simulated-store.ts';
import type { World } from './world.ts';

/** What of a server its operators and agents reach. */
export interface ServerParts {
  readonly log: OperationLog;
  readonly store: Store;
  readonly records: ClusterRecords;
  readonly sessions: Sessions;
  readonly starter: OperationStarter;
}

/** One life of a server: the parts of server/src put together as its compose.ts and run-server.ts do, on simulated ports. */
export class ServerLife {
  readonly life: Life;
  readonly #world: World;
  readonly #prng: Prng;
  /** Undefined until it serves. */
  parts: ServerParts | undefined;
  epoch = 0;
  servesSince = 0;
  readonly #tries = new Map<string, number[]>();
  readonly disk: Disk = { copied: undefined };

  constructor(world: World, number: number, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
    const wallClock = () => world.epochMs + world.time.now + world.serverClockOffset;
    this.life = new Life(world, { name: `server-${number}`, prng, fault: 'server-killed', wallClock });
    this.#start().catch((error: unknown) => this.life.end(`does not start: ${Problem.from(error).message}`));
  }

  connect(link: AgentLink): { receive: (message: agentProto.AgentMessage) => Promise<void>; closed: () => void } {
    if (!this.parts) throw new Error('a server that does not serve was reached');
    return this.parts.sessions.connect(link);
  }

  /** After a refused write it is tried again after 5 s, or when there are news: never as fast as it goes. */
  #tried(operation: string): void {
    const { now } = this.#world.time;
    const lately = (this.#tries.get(operation) ?? []).filter((at) => now - at < 10_000);
    this.#tries.set(operation, [...lately, now]);
    if (lately.length > 50) this.#world.violated('spins', `operation ${operation} was tried ${lately.length} times within 10 s`);
  }

  async #start(): Promise<void> {
    const world = this.#world;
    const { clock, name } = this.life;
    const random = this.#prng.fork('ids');
    const logger = world.logger(name);
    const store = simulatedStore(world, this.life, this.disk);
    world.setServerClockRight();
    const epoch = await store.nextEpoch(Math.floor(clock.now() / 1000));
    this.epoch = epoch;
    world.highestEpoch = Math.max(world.highestEpoch, epoch);
    const records = new ClusterRecords(store);
    const log = new OperationLog({
      ...{ store, clock },
      defer: (callback) => this.life.defer(callback),
      onWriteFailure: () => records.reload(),
    });
    const sessions = new Sessions({
      ...{ store, log, records, clock, logger, epoch, serverVersion: 'simulated', heartbeatSeconds: 10 },
      outputWindowBytes: world.scenario.outputWindowBytes,
      resolveSecret: (ref) =>
        this.life.call('secret.read', () => Buffer.from('secret'), {
          refuse: () => (world.faults.happens('secret-missing') ? new Problem('SECRET_MISSING', `no secret ${ref}`) : undefined),
        }),
    });
    const executor = new Executor({
      ...{ sender: sessions, clock, epoch, graceSeconds: world.scenario.graceSeconds },
      log: world.mutant.executorLog?.(log) ?? log,
      onProblem: (operation, error) => {
        logger.warn({ operation, error: String(error) }, 'an operation cannot go on');
        this.#tried(operation);
      },
    });
    const starter = new OperationStarter({ clock, random, log, records, executor });
    await records.reload();
    await sessions.recover();
    const unfinished = await log.recover();
    this.parts = { log, store, records, sessions, starter };
    this.servesSince = world.time.now;
    world.note(name, `serves with epoch ${epoch}`);
    for (const { operation } of unfinished) executor.start(operation.id);
  }
}
