/**
 * Faults 17 and 22 of the engine: the server's real program on loopback, over gRPC and mutual TLS, with doubles of agents in this process
 * (they hold their certificates and the agent's own transport and back-off, and run nothing). Hundreds of hosts do not fit a test machine.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pollUntil } from '../../hosts/index.ts';
import { AgentDouble } from './agent-double.ts';
import { connectDouble } from './connect-double.ts';
import { ServerProcess } from './server-process.ts';

const count = 500;

describe('a server with many agents', () => {
  const directory = mkdtempSync(join(tmpdir(), 'seal-many-'));
  const doubles = new Map<string, AgentDouble>();
  const stops: (() => void)[] = [];
  let server: ServerProcess;

  before(async () => {
    server = await ServerProcess.prepare(directory, count);
    await server.start();
    for (const { name, address, identity } of server.agents) {
      const double = new AgentDouble(name, address);
      doubles.set(name, double);
      stops.push(connectDouble(double, `127.0.0.1:${server.grpcPort}`, identity));
    }
    await untilConnected();
  });
  after(async () => {
    for (const stop of stops) stop();
    server.client.close();
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  const untilConnected = () =>
    pollUntil(
      async () => {
        const { nodes } = await server.client.nodes.listNodes({}, { timeoutSeconds: 60 });
        return nodes.filter((node) => node.connected).length === count || undefined;
      },
      { timeoutSeconds: 120, describe: () => `not every agent is connected: ${server.log.slice(-2000)}` },
    );
  const exec = async (nodes: string[]) => {
    const { operation } = await server.client.clusters.exec({ nodes, argv: ['true'], timeoutSeconds: 0 }, { timeoutSeconds: 60 });
    return operation;
  };
  const ending = async (operation: string) => {
    for await (const item of server.client.watch(operation, { patientFromStart: true })) void item;
    return (await server.client.operations.getOperation({ id: operation }, { timeoutSeconds: 60 })).operation;
  };
  /** How often the doubles did something since the last look, by name. */
  const effects = () => {
    const done = [...doubles.values()].flatMap(({ name, effects: ran }) =>
      [...ran.values()].map((times) => [name, times] as const),
    );
    for (const double of doubles.values()) double.effects.clear();
    return done;
  };

  it('17 1 of 100 nodes fails: it alone failed, and resume runs nothing but what is left', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `node-${index + 1}`);
    const broken = doubles.get('node-77')!;
    broken.failing = true;
    const operation = await exec(names);
    const failed = await ending(operation);
    assert.equal(failed?.status, 'FAILED');
    const first = effects();
    assert.deepEqual(new Set(first.map(([, times]) => times)), new Set([1]));
    const { events, plan } = await server.client.operations.getOperation({ id: operation }, { timeoutSeconds: 60 });
    const steps = plan?.phases.flatMap((phase) => phase.steps) ?? [];
    const nodes = new Map((plan?.nodes ?? []).map((node) => [node.id, node.name]));
    const failures = events.flatMap(({ status, step, type }) => (type === 'step-finished' && status === 'FAILED' ? [step] : []));
    assert.deepEqual(
      failures.map((id) => nodes.get(steps.find((step) => step.id === id)?.node ?? '')),
      ['node-77'],
    );
    broken.failing = false;
    await server.client.operations.resumeOperation({ id: operation, policy: undefined });
    assert.equal((await ending(operation))?.status, 'SUCCEEDED');
    const second = effects();
    const succeeded = first.map(([name]) => name).filter((name) => name !== 'node-77');
    assert.deepEqual(
      second.map(([name]) => name).filter((name) => succeeded.includes(name)),
      [],
    );
    assert.deepEqual(new Set([...first, ...second].map(([name]) => name)), new Set(names));
  });

  it('22 500 agents reconnect at once: none is lost, and an operation over all of them goes on, each step once', async () => {
    const operation = await exec(['all']);
    await pollUntil(() => [...doubles.values()].some(({ effects: ran }) => ran.size > 0) || undefined, {
      timeoutSeconds: 30,
      everyMilliseconds: 2,
      describe: () => 'no agent was given a step',
    });
    await server.kill();
    const doneBefore = [...doubles.values()].filter(({ effects: ran }) => ran.size > 0).length;
    assert.ok(doneBefore < count, 'the operation ended before the server was killed');
    const start = performance.now();
    await server.start();
    await untilConnected();
    const seconds = (performance.now() - start) / 1000;
    assert.equal((await ending(operation))?.status, 'SUCCEEDED');
    const ran = effects();
    assert.equal(ran.length, count);
    assert.deepEqual(new Set(ran.map(([, times]) => times)), new Set([1]));
    // Everybody is back within the longest back-off after the server's start, not a storm of repeats later.
    const sessions = [...doubles.values()].map(({ welcomes }) => welcomes);
    assert.deepEqual(new Set(sessions), new Set([2]));
    process.stderr.write(`500 agents were back ${seconds.toFixed(1)} s after the start of the server's process\n`);
  });
});
