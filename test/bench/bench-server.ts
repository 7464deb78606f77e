/**
 * seal-server with one thing more, for the benchmark: on SIGUSR2 it runs an operation of as many steps of `true` as the file
 * <runDirectory>/bench-steps says on every connected node, and writes what it cost to <runDirectory>/bench-result.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePhases, type Plan, type StepDraft } from '@seal/plan';
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
  const stepsEach = Number(readFileSync(join(config.runDirectory, 'bench-steps'), 'utf8'));
  const plan = planOf(stepsEach);
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
      events: events.length,
      logBytes: stateSize(config.stateDirectory) - bytesBefore,
    },
  };
  const path = join(config.runDirectory, 'bench-result');
  writeFileSync(`${path}.new`, JSON.stringify(result));
  renameSync(`${path}.new`, path);
}

function planOf(stepsEach: number): Plan {
  const connected = core.sources.nodes().filter((node) => core.sessions.isConnected(node.id));
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
