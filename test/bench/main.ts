import { cpus, totalmem } from 'node:os';
import { withSealLab } from '../deploy/seal-lab.ts';
import { measureRealHosts, type RealHostsFigures } from './real-hosts.ts';
import { measureSimulatedAgents, type SimulatedAgentsFigures } from './simulated-agents.ts';

/** `npm run bench`: prints the figures of docs/benchmarks.md, taken now on this machine. */
const names = Array.from({ length: 8 }, (_, index) => `h${index + 1}`);
const rounds = 15;

const simulated = [await measureSimulatedAgents(1000, 1), await measureSimulatedAgents(1000, 10)];
process.stdout.write(`${machine()}\n\n${ofSimulatedAgents(simulated)}\n`);
const real = await withSealLab({ agents: names }, (seal) => measureRealHosts(seal, names, rounds));
process.stdout.write(`\n${ofRealHosts(real)}\n`);

function machine(): string {
  const [cpu] = cpus();
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}.`;
}

function ofSimulatedAgents(all: readonly SimulatedAgentsFigures[]): string {
  const rows = all.map((one) => [
    String(one.agents),
    String(one.steps),
    `${(one.wallMs / 1000).toFixed(2)} s`,
    String(one.events),
    String(Math.round(one.events / (one.wallMs / 1000))),
    `${(one.cpuMs / one.steps).toFixed(2)} ms`,
    `${Math.round(one.logBytes / one.steps)} B (the plan: ${Math.round(one.planBytes / one.steps)} B)`,
    `${Math.round(one.rssBytes / 2 ** 20)} MiB`,
  ]);
  return table(['agents', 'steps', 'wall', 'events', 'events/s', 'CPU a step', 'log a step', 'RSS of the process'], rows);
}

function ofRealHosts({ operations, commands, memory, withoutSsh }: RealHostsFigures): string {
  const share = operations.map((one) => {
    const own = one.wallMs - one.criticalPathMs;
    return [
      `${one.nodes} × ${one.stepsEach}`,
      `${(one.wallMs / 1000).toFixed(2)} s`,
      `${(one.criticalPathMs / 1000).toFixed(2)} s`,
      `${(own / one.stepsEach).toFixed(1)} ms`,
      one.parts.map((part) => part.toFixed(1)).join(' + '),
      `${(one.serverCpuMs / (one.nodes * one.stepsEach)).toFixed(2)} ms`,
      `${(one.agentCpuMs / one.stepsEach).toFixed(1)} ms`,
      `${Math.round(one.logBytes / (one.nodes * one.stepsEach))} B`,
    ];
  });
  const head = [
    'hosts × steps',
    'wall',
    'processes on the critical path',
    'own share of a step',
    'command to start + to result + to next command, ms',
    'CPU of the server a step',
    'CPU of the agent a step',
    'log a step',
  ];
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    table(head, share),
    table(
      ['one command on 8 hosts', 'median', 'worst'],
      commands.map((one) => [one.what, ms(one.medianMs), ms(one.worstMs)]),
    ),
    ...(withoutSsh === undefined ? [] : [`Not compared with ssh: ${withoutSsh}.`]),
    table(
      ['memory (RSS)', 'server', 'agent (median)'],
      memory.map((one) => [one.when, `${one.serverMiB.toFixed(0)} MiB`, `${one.agentMiB.toFixed(0)} MiB`]),
    ),
  ].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
