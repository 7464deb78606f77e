/**
 * seal-server with one thing more, for the benchmark: on SIGUSR2 it runs an operation of as many steps of `true` as the file
 * <runDirectory>/bench-steps says on as many of the connected nodes as it says, and writes what it cost to <runDirectory>/bench-result.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePhases, type OperationEvent, type Plan, type StepDraft } from '@seal/plan';
import { pino } from 'pino';
import { composeCore } from '../../server/src/compose.ts';
import { readConfig } from '../../server/src/config.ts';
import { runServer } from '../../server/src/run-server.ts';
import { stateSize } from './state-size.ts';

const config = readConfig({});
const core = await composeCore(config, pino({ level: 'warn' }, pino.destination(2)), 'bench');
const stop = await runServer(core);
process.once('SIGTERM', () => void stop().then(() => process.exit(0)));
process.on('SIGUSR2', () => void measure());

async function measure(): Promise<void> {
  const [stepsEach, hosts] = JSON.parse(readFileSync(join(config.runDirectory, 'bench-steps'), 'utf8')) as [number, number];
  const plan = planOf(stepsEach, hosts);
  const bytesBefore = stateSize(config.stateDirectory);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const operation = await core.starter.start({ plan }, 'bench');
  await new Promise<void>((resolve) => {
    const unsubscribe = core.log.subscribe(operation, () => {
      if (core.log.active(operation)?.view.finishedAt === undefined) return;
      unsubscribe();
      resolve();
    });
  });
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const { view, events } = await core.log.read(operation);
  const ofProcesses = plan.nodes.map((node) =>
    [...view.steps.values()].filter((step) => step.node === node.id).reduce((sum, step) => sum + (step.durationMs ?? 0), 0),
  );
  const result = {
    ...{ status: view.status, nodes: plan.nodes.length, stepsEach, wallMs, serverCpuMs: (user + system) / 1000 },
    ...{
      criticalPathMs: Math.max(...ofProcesses),
      parts: meanParts(plan, events),
      events: events.length,
      logBytes: stateSize(config.stateDirectory) - bytesBefore,
    },
  };
  const path = join(config.runDirectory, 'bench-result');
  writeFileSync(`${path}.new`, JSON.stringify(result));
  renameSync(`${path}.new`, path);
}

function planOf(stepsEach: number, hosts: number): Plan {
  const connected = core.sources
    .nodes()
    .filter((node) => core.sessions.isConnected(node.id))
    .slice(0, hosts);
  const nodes = connected.map(({ id, name }) => ({ id, name, ip: '', role: 'none' as const }));
  const steps = nodes.flatMap((node) =>
    Array.from(
      { length: stepsEach },
      (): StepDraft => ({
        ...{ title: 'true', node: node.id, kind: 'run-command', args: { argv: ['true'], env: { PATH: '/usr/bin:/bin' } } },
        ...{ effect: 'idempotent', timeoutSeconds: 60 },
      }),
    ),
  );
  const id = core.starter.newPlanId();
  const phases = makePhases(id, [{ name: 'bench', title: 'true', steps }]);
  return { id, kind: 'exec', cluster: '', baseRevision: 0, summary: `${stepsEach} × true`, nodes, phases };
}

/** Means over all steps: from the command's record to that of the start, from there to the result's, from there to the next command's of the node. */
function meanParts(plan: Plan, events: readonly OperationEvent[]): readonly number[] {
  const at = (type: string) =>
    new Map(events.flatMap((event) => (event.type === type && 'step' in event ? [[event.step, event.at]] : [])));
  const [dispatched, started, finished] = ['step-dispatched', 'step-started', 'step-finished'].map(at);
  const sums = [0, 0, 0];
  let rows = 0;
  for (const node of plan.nodes) {
    const own = plan.phases.flatMap((phase) => phase.steps.filter((step) => step.node === node.id).map((step) => step.id));
    for (const [index, id] of own.slice(0, -1).entries()) {
      const times = [
        dispatched!.get(id)!,
        started!.get(id) ?? finished!.get(id)!,
        finished!.get(id)!,
        dispatched!.get(own[index + 1]!)!,
      ];
      for (const part of [0, 1, 2]) sums[part]! += times[part + 1]! - times[part]!;
      rows += 1;
    }
  }
  return sums.map((sum) => sum / Math.max(1, rows));
}
