import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePhases, type Plan, type StepDraft } from '@seal/plan';
import type { agentProto } from '@seal/protocol';
import { pino } from 'pino';
import { composeCore } from '../../server/src/compose.ts';
import { readConfig } from '../../server/src/config.ts';
import { AgentDouble } from '../scenario/faults/agent-double.ts';
import { stateSize } from './state-size.ts';

export interface SimulatedAgentsFigures {
  readonly agents: number;
  readonly steps: number;
  readonly wallMs: number;
  /** Of this process, doubles included. */
  readonly cpuMs: number;
  readonly events: number;
  /** What the state database grew by: plan, events and outputs. */
  readonly logBytes: number;
  readonly planBytes: number;
  readonly rssBytes: number;
}

/**
 * One operation of `stepsEach` steps on each of `agents` nodes through the server's real core (plan, log on disk, scheduler, sessions) in this
 * process. The agents are doubles behind the sessions, without gRPC: what is measured is the engine, not the transport.
 */
export async function measureSimulatedAgents(agents: number, stepsEach: number): Promise<SimulatedAgentsFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'seal-bench-'));
  try {
    const settings = { address: '127.0.0.1', stateDirectory: directory, runDirectory: join(directory, 'run') };
    const core = await composeCore(readConfig(settings, '/nonexistent'), pino({ level: 'silent' }), 'bench');
    const doubles = Array.from({ length: agents }, (_, index) => new AgentDouble(`node-${index + 1}`, '10.9.0.1'));
    for (const double of doubles) await connect(core, double);
    const plan = planOf(doubles, stepsEach);
    const bytesBefore = stateSize(directory);
    const cpu = process.cpuUsage();
    const start = performance.now();
    const operation = await core.starter.start({ plan }, 'bench');
    await new Promise<void>((resolve) => {
      const stop = core.log.subscribe(operation, () => {
        if (core.log.active(operation)?.view.finishedAt === undefined) return;
        stop();
        resolve();
      });
    });
    const wallMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    const { view, events } = await core.log.read(operation);
    if (view.status !== 'SUCCEEDED') throw new Error(`the operation ended as ${view.status}: ${view.problem?.message}`);
    const figures = {
      ...{ agents, steps: agents * stepsEach, wallMs, cpuMs: (user + system) / 1000, events: events.length },
      ...{ logBytes: stateSize(directory) - bytesBefore, planBytes: JSON.stringify(plan).length },
      rssBytes: process.memoryUsage.rss(),
    };
    await core.executor.stop();
    await core.store.close();
    core.unlock();
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A session in memory. Messages are handed over later, never inside the sender's call, as on a network. */
async function connect(core: Awaited<ReturnType<typeof composeCore>>, double: AgentDouble): Promise<void> {
  const answer = (message: agentProto.AgentMessage): void => void session.receive(message);
  const session = core.sessions.connect({
    nodeId: double.name,
    nodeName: double.name,
    send: (message) => queueMicrotask(() => double.receive(message, answer)),
    close: (problem) => {
      throw problem;
    },
  });
  await session.receive(double.hello());
}

function planOf(doubles: readonly AgentDouble[], stepsEach: number): Plan {
  const steps = doubles.flatMap((double) =>
    Array.from(
      { length: stepsEach },
      (): StepDraft => ({
        ...{ title: 'true', node: double.name, kind: 'run-command', args: { argv: ['true'], env: {} } },
        ...{ effect: 'idempotent', timeoutSeconds: 60 },
      }),
    ),
  );
  const nodes = doubles.map(({ name, address }) => ({ id: name, name, ip: address, role: 'none' as const }));
  const phases = makePhases('bench', [{ name: 'bench', title: 'true', steps }]);
  return { id: 'bench', kind: 'exec', cluster: '', baseRevision: 0, summary: 'bench', nodes, phases };
}
