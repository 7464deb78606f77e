import { withSealLab } from '../deploy/seal-lab.ts';
import { table } from './markdown-table.ts';
import { type MeasuredOperation, measureRealHosts, type RealHostsFigures } from './real-hosts.ts';
import { measureSimulatedAgents, type SimulatedAgentsFigures } from './simulated-agents.ts';

const names = Array.from({ length: 8 }, (_, index) => `h${index + 1}`);
const rounds = 15;

/** What the engine adds to the work that it has done: on 1 000 simulated agents, and on 8 real hosts beside ssh. */
export async function benchEngine(): Promise<string> {
  const simulated: SimulatedAgentsFigures[] = [];
  for (const steps of [1, 10, 30]) simulated.push(await measureSimulatedAgents(1000, steps));
  const real = await withSealLab({ agents: names }, (seal) => measureRealHosts(seal, names, rounds));
  return [...ofSimulatedAgents(simulated), ...ofRealHosts(real)].join('\n\n');
}

function ofSimulatedAgents(all: readonly SimulatedAgentsFigures[]): string[] {
  const rows = all.map((one) => [
    String(one.agents),
    String(one.steps),
    `${(one.wallMs / 1000).toFixed(2)} s`,
    String(Math.round(one.events / (one.wallMs / 1000))),
    `${(one.cpuMs / one.steps).toFixed(2)} ms`,
    `${Math.round(one.logBytes / one.steps)} B (the plan: ${Math.round(one.planBytes / one.steps)} B)`,
    `${Math.round(one.rssBytes / 2 ** 20)} MiB`,
  ]);
  const [first, last] = [all[0], all.at(-1)];
  const exponent = first && last ? Math.log(last.wallMs / first.wallMs) / Math.log(last.steps / first.steps) : Number.NaN;
  return [
    '### 1 000 simulated agents, one operation',
    "The server's real core (plan, log on disk, scheduler, sessions) in one process with doubles of agents that answer at once, without gRPC.",
    table(['agents', 'steps', 'wall', 'events/s', 'CPU a step', 'log a step', 'RSS of the process'], rows),
    `Wall time grows with the number of steps to the power of ${exponent.toFixed(2)}.`,
  ];
}

function ofRealHosts({ operations, commands, memory, withoutSsh }: RealHostsFigures): string[] {
  const head = [
    'hosts × steps',
    'wall',
    'processes on the critical path',
    'own share of a step',
    'command to start + to result + to next command',
  ];
  const costs = ['server CPU a step', 'agent CPU a step', 'log a step'];
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    '### Operations of `true` on real hosts, 100 steps each, one after another on each host',
    'All hosts, their agents and the server share the machine. The own share of a step is what is left of the wall time without the processes.',
    table([...head, ...costs], operations.map(rowOf)),
    '### One command on 8 hosts',
    'Taken in turns, measured on the host of the server. ssh: OpenSSH with ControlMaster, connections open already, all hosts at once.',
    table(
      ['', 'median', 'worst', 'median to ssh'],
      commands.map((one) => [
        one.what,
        ms(one.medianMs),
        ms(one.worstMs),
        one.toSsh === undefined ? '' : `× ${one.toSsh.toFixed(2)}`,
      ]),
    ),
    ...(withoutSsh === undefined ? [] : [`Not compared with ssh: ${withoutSsh}.`]),
    '### Memory (RSS)',
    table(
      ['', 'server', 'agent (median)'],
      memory.map((one) => [one.when, `${one.serverMiB.toFixed(0)} MiB`, `${one.agentMiB.toFixed(0)} MiB`]),
    ),
  ];
}

function rowOf(one: MeasuredOperation): string[] {
  const own = one.wallMs - one.criticalPathMs;
  return [
    `${one.nodes} × ${one.stepsEach}`,
    `${(one.wallMs / 1000).toFixed(2)} s`,
    `${(one.criticalPathMs / 1000).toFixed(2)} s`,
    `${(own / one.stepsEach).toFixed(1)} ms`,
    `${one.parts.map((part) => part.toFixed(1)).join(' + ')} ms`,
    `${(one.serverCpuMs / (one.nodes * one.stepsEach)).toFixed(2)} ms`,
    `${(one.agentCpuMs / one.stepsEach).toFixed(1)} ms`,
    `${Math.round(one.logBytes / (one.nodes * one.stepsEach))} B`,
  ];
}
