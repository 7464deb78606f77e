import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Clock, systemClock } from '@seal/foundation';
import type { NodeFacts, Step } from '@seal/plan';
import { type agentProto, stepToWire } from '@seal/protocol';
import { Outbox } from '../runner/outbox.ts';
import { LocalRunner, shellStep, silentLog, withAgentDirectory } from '../testing/local-runner.ts';
import { AgentProtocol } from './agent-protocol.ts';

type Message = agentProto.AgentMessage;

const facts = { hostname: 'n1', addresses: ['10.0.0.1'] } as unknown as NodeFacts;
const welcome = {
  serverVersion: '1',
  epoch: 1,
  heartbeatSeconds: 3600,
  nodeId: 'node-1',
  nodeName: 'n1',
  outputWindowBytes: 65536,
  nowMs: 0,
};

/** A server in memory at the other end of an agent's protocol. */
class Server {
  readonly messages: Message[] = [];
  readonly #protocol: AgentProtocol;
  readonly #waiting = new Set<() => void>();

  constructor(protocol: AgentProtocol) {
    this.#protocol = protocol;
  }

  async connect(change: Partial<agentProto.Welcome> = {}): Promise<void> {
    const send = (message: Message) => {
      this.messages.push(message);
      for (const look of this.#waiting) look();
    };
    await this.#protocol.connected(send, () => undefined);
    await this.#protocol.receive({ welcome: { ...welcome, ...change } });
  }

  run(step: Step, attempt = 1, epoch = 1): Promise<void> {
    return this.#protocol.receive({ run: { operation: 'op', step: stepToWire(step), attempt, epoch, secrets: {} } });
  }

  /** Resolves when `count` messages fit. */
  wait(fits: (message: Message) => unknown, count = 1): Promise<Message> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.messages.filter(fits);
        if (found.length < count) return;
        this.#waiting.delete(look);
        resolve(found[count - 1] ?? {});
      };
      this.#waiting.add(look);
      look();
    });
  }
}

interface World {
  readonly protocol: AgentProtocol;
  readonly server: Server;
  readonly local: LocalRunner;
  readonly directory: string;
}

function withAgent(body: (world: World) => Promise<void>, clock: Clock = systemClock): Promise<void> {
  return withAgentDirectory(async (directory) => {
    const late: { protocol?: AgentProtocol } = {};
    const onReport: NonNullable<Parameters<typeof LocalRunner.open>[0]['onReport']> = ({ type, key, finished }) => {
      if (type === 'finished' && finished) late.protocol?.finished(key, finished);
      else if (type !== 'finished') late.protocol?.[type](key);
    };
    const local = await LocalRunner.open({ directory, onReport });
    const outbox = new Outbox(local.spool, systemClock, silentLog);
    const takeFacts = async () => facts;
    const protocol = new AgentProtocol({
      runner: local.runner,
      outbox,
      clock,
      log: silentLog,
      version: '1',
      bootId: 'boot',
      takeFacts,
    });
    late.protocol = protocol;
    try {
      await body({ protocol, server: new Server(protocol), local, directory });
    } finally {
      protocol.disconnected();
      outbox.stop();
    }
  });
}

const kinds = (messages: readonly Message[]) => messages.map((message) => Object.keys(message)[0]);

test('a session begins with Hello; a step is accepted, started, its output comes before its outcome', () =>
  withAgent(async ({ server }) => {
    await server.connect();
    await server.run(shellStep('a', 'echo hello'));
    await server.wait(({ finished }) => finished);
    const seen = kinds(server.messages);
    assert.deepEqual(seen, ['hello', 'accepted', 'started', 'output', 'finished']);
    assert.equal(server.messages[3]?.output?.data.toString(), 'hello\n');
    assert.deepEqual([server.messages[4]?.finished?.outcome, server.messages[4]?.finished?.stdoutBytes], ['SUCCEEDED', 6]);
  }));

test('commands that come twice and out of order have one effect', () =>
  withAgent(async ({ server, directory }) => {
    const marks = join(directory, 'marks');
    const step = shellStep('a', `echo ran >>${marks}`);
    await server.connect();
    await Promise.all([server.run(step, 2), server.run(step, 1), server.run(step, 2)]);
    await server.wait(({ finished }) => finished?.attempt === 2);
    await Promise.all([server.run(step, 1), server.run(step, 2)]);
    await server.wait(({ finished }) => finished?.attempt === 2, 2);
    assert.equal(readFileSync(marks, 'utf8'), 'ran\n');
  }));

test('an outcome is sent again in every session until it is acknowledged, then forgotten with its output', () =>
  withAgent(async ({ server, protocol, local }) => {
    await server.connect();
    await server.run(shellStep('a', 'echo hello'));
    await server.wait(({ finished }) => finished);
    protocol.disconnected();
    await server.connect();
    await server.wait(({ finished }) => finished, 2);
    const hello = server.messages.filter((message) => message.hello).at(-1)?.hello;
    assert.deepEqual(hello?.steps, [{ step: 'a', attempt: 1, state: 'finished' }]);
    await protocol.receive({ finishedAck: { step: 'a', attempt: 1 } });
    assert.equal((await local.spool.list()).length, 1, 'the output is not acknowledged yet');
    await protocol.receive({ outputAck: { step: 'a', attempt: 1, stream: 1, offset: 6 } });
    assert.deepEqual(await local.spool.list(), []);
    protocol.disconnected();
    await server.connect();
    assert.deepEqual(server.messages.at(-1)?.hello?.steps, []);
  }));

test('what ends while nobody is connected is told in the next session', () =>
  withAgent(async ({ server, protocol, local }) => {
    await server.connect();
    await server.run(shellStep('a', 'sleep 0.2; echo late; exit 3'));
    protocol.disconnected();
    await local.outcome('a');
    await server.connect();
    const { finished } = await server.wait((message) => message.finished);
    assert.deepEqual([finished?.outcome, finished?.exitCode], ['FAILED', 3]);
    const { output } = await server.wait((message) => message.output);
    assert.equal(output?.data.toString(), 'late\n');
  }));

test('a heartbeat that passes without acknowledgement sends the outcome again', () => {
  const timers: (() => void)[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    setTimer(_, callback) {
      timers.push(callback);
      return () => undefined;
    },
  };
  return withAgent(async ({ server }) => {
    await server.connect({ heartbeatSeconds: 10 });
    await server.run(shellStep('a', 'true'));
    await server.wait(({ finished }) => finished);
    now += 10_000;
    for (const beat of timers.splice(0)) beat();
    await server.wait(({ finished }) => finished, 2);
    assert.ok(server.messages.some(({ heartbeat }) => heartbeat));
  }, clock);
});

test('a step of a kind that this agent does not know fails with STEP_KIND_UNKNOWN, one with wrong args with STEP_INVALID', () =>
  withAgent(async ({ server, protocol, local }) => {
    await server.connect();
    const run = (wire: agentProto.RunStep['step']) =>
      protocol.receive({ run: { operation: 'op', step: wire, attempt: 1, epoch: 1, secrets: {} } });
    await run({ ...stepToWire(shellStep('a', 'true')), kind: 'fly-to-the-moon' });
    await run({ ...stepToWire(shellStep('b', 'true')), args: { argv: [] } });
    const codes = server.messages
      .filter(({ finished }) => finished)
      .map(({ finished }) => [finished?.outcome, finished?.problem?.code]);
    assert.deepEqual(codes, [
      ['FAILED', 'STEP_KIND_UNKNOWN'],
      ['FAILED', 'STEP_INVALID'],
    ]);
    assert.deepEqual(local.runner.states(), []);
  }));

test('a message of an unknown kind is passed over and the session goes on', () =>
  withAgent(async ({ server, protocol }) => {
    await server.connect();
    await protocol.receive({});
    await protocol.receive({ reportFacts: {} });
    assert.deepEqual(server.messages.at(-1), { facts: { ...facts } });
  }));

test('commands of a server that was replaced are refused, those of the newer one are done', () =>
  withAgent(async ({ server, protocol, directory }) => {
    await server.connect({ epoch: 4 });
    protocol.disconnected();
    await server.connect({ epoch: 3 });
    await server.run(shellStep('a', `touch ${directory}/ran`), 1, 3);
    const { finished } = await server.wait((message) => message.finished);
    assert.equal(finished?.problem?.code, 'SERVER_EPOCH_STALE');
    assert.ok(!existsSync(join(directory, 'ran')));
    protocol.disconnected();
    await server.connect({ epoch: 4 });
    await server.run(shellStep('a', `touch ${directory}/ran`), 1, 4);
    await server.wait((message) => message.finished, 2);
    assert.ok(existsSync(join(directory, 'ran')));
  }));

test('a server that was replaced is told no outcome, and what it acknowledges stays', () =>
  withAgent(async ({ server, protocol, local }) => {
    await server.connect({ epoch: 4 });
    await server.run(shellStep('a', 'echo hello'), 1, 4);
    await server.wait(({ finished }) => finished);
    protocol.disconnected();
    const before = server.messages.length;
    await server.connect({ epoch: 3 });
    await protocol.receive({ finishedAck: { step: 'a', attempt: 1 } });
    await protocol.receive({ outputAck: { step: 'a', attempt: 1, stream: 1, offset: 6 } });
    assert.deepEqual(kinds(server.messages.slice(before)), ['hello']);
    await server.run(shellStep('a', 'echo hello'), 1, 3);
    const refused = await server.wait(({ finished }) => finished, 2);
    assert.equal(refused.finished?.problem?.code, 'SERVER_EPOCH_STALE');
    assert.equal((await local.spool.list()).length, 1);
    protocol.disconnected();
    await server.connect({ epoch: 4 });
    await server.wait(({ output }) => output, 2);
    await server.wait(({ finished }) => finished, 3);
  }));

test('output that the window holds back goes out before the outcome', () =>
  withAgent(async ({ server, protocol }) => {
    await server.connect({ outputWindowBytes: 10 });
    await server.run(shellStep('a', 'printf 0123456789abcdef'));
    await server.wait(({ output }) => output);
    const first = server.messages.find(({ output }) => output)?.output;
    assert.equal(first?.data.length, 10);
    assert.ok(!server.messages.some(({ finished }) => finished));
    await protocol.receive({ outputAck: { step: 'a', attempt: 1, stream: 1, offset: 10 } });
    await server.wait(({ finished }) => finished);
    assert.deepEqual(kinds(server.messages).slice(-3), ['output', 'output', 'finished']);
  }));

test('the facts are reported when the last running step has ended', () =>
  withAgent(async ({ server }) => {
    await server.connect();
    await server.run(shellStep('a', 'true'));
    await server.wait((message) => message.facts);
    assert.deepEqual(kinds(server.messages).slice(-2), ['finished', 'facts']);
  }));
