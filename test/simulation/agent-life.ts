import { Problem } from '@seal/foundation';
import type { NodeFacts } from '@seal/plan';
import { Journal } from '../../agent/src/runner/journal.ts';
import { Outbox } from '../../agent/src/runner/outbox.ts';
import { restoreOutbox } from '../../agent/src/runner/restore-outbox.ts';
import type { StepState } from '../../agent/src/runner/run-command.ts';
import type { StepReports } from '../../agent/src/runner/runner-ports.ts';
import { StepRunner } from '../../agent/src/runner/step-runner.ts';
import { AgentProtocol } from '../../agent/src/session/agent-protocol.ts';
import { keepConnected } from '../../agent/src/session/keep-connected.ts';
import type { Host } from './host.ts';
import { Life } from './life.ts';
import { simulatedHandlers } from './simulated-handlers.ts';
import type { World } from './world.ts';

const outboxLimits = { chunkBytes: 64, intervalMs: 700, headBytes: 700, tailBytes: 700 };

/** One life of an agent: the parts of agent/src put together as its compose.ts does, on simulated ports. */
export class AgentLife {
  readonly life: Life;
  readonly #world: World;
  readonly #host: Host;
  #stop: (() => Promise<void>) | undefined;
  #connected: () => boolean = () => false;
  /** Steps that the server has not acknowledged. */
  unsettled: () => readonly StepState[] = () => [];

  constructor(world: World, host: Host) {
    this.#world = world;
    this.#host = host;
    const wallClock = () => host.wallClock();
    this.life = new Life(world, { name: host.name, prng: host.prng, fault: 'agent-killed', wallClock });
    this.#start().catch((error: unknown) => {
      // As the agent's main does: the service manager starts it again.
      if (Problem.from(error).code === 'JOURNAL_CORRUPT') world.violated('journal-corrupt', Problem.from(error).message);
      if (Problem.from(error).code === 'INTERNAL') world.violated('start', String((error as Error).stack));
      this.life.end(`does not start: ${Problem.from(error).code}`);
    });
  }

  get isConnected(): boolean {
    return this.life.alive && this.#connected();
  }

  /** Ends in good order; processes of steps go on. */
  async restart(): Promise<void> {
    await this.#stop?.();
    this.life.end('ended as told');
  }

  async #start(): Promise<void> {
    const { life } = this;
    const { clock } = life;
    const host = this.#host;
    const world = this.#world;
    const log = world.logger(host.name);
    const random = host.prng.fork(`agent ${world.time.events}`);
    const spool = host.spool.port(life);
    const journal = await Journal.open(host.journal.open(life), clock, world.scenario.compactAtBytes);
    world.mutant.journal?.(journal);
    const outbox = new Outbox(spool, clock, log, outboxLimits);
    let protocol: AgentProtocol | undefined;
    const reports: StepReports = {
      accepted: (key) => protocol?.accepted(key),
      started: (key) => protocol?.started(key),
      finished: (key, finished) => protocol?.finished(key, finished),
    };
    const { bootId } = host;
    const runner = new StepRunner(
      {
        ...{ journal, spool, clock, log, reports, bootId },
        processes: host.processes(life),
        handlers: simulatedHandlers(host, life),
        runProbe: (probe, _timeout, signal) => host.runProbe(life, probe, signal),
      },
      { concurrentSteps: world.scenario.concurrentSteps, cancelGraceSeconds: 3, probeSeconds: 5 },
    );
    world.mutant.runner?.(runner);
    const takeFacts = () => life.call('facts', () => factsOf(host));
    protocol = new AgentProtocol({ runner, outbox, clock, log, version: 'simulated', bootId, takeFacts });
    await runner.recover();
    await restoreOutbox({ journal, outbox, spool, now: clock.now(), runner });
    const stop = new AbortController();
    const transport = world.network.transport(life, { id: host.nodeId, name: host.name });
    const session = keepConnected({ transport, protocol, clock, random, log }, stop.signal);
    this.#connected = () => session.connected;
    this.unsettled = () => runner.states();
    this.#stop = async () => {
      stop.abort();
      runner.stop();
      outbox.stop();
      await journal.close();
    };
  }
}

function factsOf(host: Host): NodeFacts {
  return {
    ...{ hostname: host.name, addresses: [`10.0.0.${host.name.slice(1)}`], arch: 'amd64', machineId: host.name },
    ...{ bootId: host.bootId, cpus: 1, memoryBytes: 1, swapBytes: 0, diskFreeBytes: 1, listeningPorts: [], rootfs: [] },
    os: { id: 'debian', version: '12', kernel: '6' },
    takenAt: host.wallClock(),
    agentVersion: 'simulated',
  };
}
