import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from '@seal/foundation';
import { makePhases, type NodeFacts, type OperationPolicy, type Plan, type StepDraft } from '@seal/plan';
import type { agentProto } from '@seal/protocol';
import { ClusterRecords } from '../operation/cluster-records.ts';
import { OperationLog } from '../operation/operation-log.ts';
import { OperationStarter } from '../operation/start-operation.ts';
import { Executor } from '../scheduler/executor.ts';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { Sessions } from './sessions.ts';

const facts = {
  ...{ hostname: 'a', addresses: [], arch: 'amd64', os: { id: '', version: '', kernel: '' }, machineId: '', bootId: '' },
  ...{ cpus: 1, memoryBytes: 1, swapBytes: 0, diskFreeBytes: 1, listeningPorts: [], rootfs: [], takenAt: 0, agentVersion: '' },
} satisfies NodeFacts;

/** Time that only a test moves on. */
class HandClock implements Clock {
  #now = 1000;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async pass(seconds: number): Promise<void> {
    await settle();
    this.#now += seconds * 1000;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer);
      timer.callback();
    }
    await settle();
  }
}

/** Lets everything that waits for no clock come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A server's engine with agents that do what the test says. */
class Engine {
  readonly clock = new HandClock();
  readonly store = new SqliteStore(openDatabase(':memory:'));
  readonly log = new OperationLog({ store: this.store, clock: this.clock });
  readonly sessions: Sessions;
  readonly executor: Executor;
  readonly starter: OperationStarter;
  /** What was sent: "a: run one#1", "a: cancel one#1". */
  readonly sent: string[] = [];
  #plan: Plan | undefined;
  #id = '';

  constructor() {
    const records = new ClusterRecords(this.store);
    const { clock, log, store } = this;
    const logger = { info: () => undefined, warn: () => undefined };
    this.sessions = new Sessions({
      ...{
        store,
        log,
        records,
        clock,
        logger,
        epoch: 1,
        serverVersion: 'test',
        heartbeatSeconds: 10,
        outputWindowBytes: 1 << 20,
      },
      resolveSecret: async () => Buffer.from(''),
    });
    const onProblem = (_operation: string, error: unknown) => assert.fail(String(error));
    this.executor = new Executor({
      log,
      sender: this.sessions,
      clock,
      graceSeconds: 60,
      epoch: 1,
      onProblem,
      cancelGraceSeconds: 30,
    });
    const random = { bytes: (count: number) => new Uint8Array(count).fill(this.sent.length) };
    this.starter = new OperationStarter({ log, records, executor: this.executor, clock, random: random as never });
  }

  async agent(node: string, steps: readonly { readonly title: string; readonly state: string }[] = []) {
    const link = {
      ...{ nodeId: node, nodeName: node, close: () => undefined },
      send: ({ run, cancel }: agentProto.ServerMessage) => {
        if (run) this.sent.push(`${node}: run ${run.step?.title}#${run.attempt}`);
        if (cancel) this.sent.push(`${node}: cancel ${this.#titleOf(cancel.step)}#${cancel.attempt}`);
      },
    };
    const session = this.sessions.connect(link);
    const reports = steps.map(({ title, state }) => ({ step: this.#idOf(title), attempt: 1, state }));
    await session.receive({ hello: { agentVersion: '', bootId: '', facts: { ...facts }, steps: reports } });
    const finish = async (title: string, outcome = 'SUCCEEDED', attempt = 1) => {
      await session.receive({
        finished: {
          step: this.#idOf(title),
          attempt,
          outcome,
          exitCode: undefined,
          problem: undefined,
          durationMs: 1,
          stdoutBytes: 0,
          stderrBytes: 0,
        },
      });
      await settle();
    };
    const print = (title: string, offset: number) =>
      session.receive({
        output: { step: this.#idOf(title), attempt: 1, stream: 1, offset, data: Buffer.from('x'), droppedBytes: 0 },
      });
    return { finish, print, closed: session.closed };
  }

  async start(steps: readonly StepDraft[], policy: Partial<OperationPolicy> = {}): Promise<void> {
    const nodes = [...new Set(steps.map((step) => step.node))].map((id) => {
      return { id, name: `host-${id}`, ip: id, role: 'worker' as const };
    });
    const phases = makePhases('p', [{ name: 'only', title: '', steps }]);
    this.#plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes, phases };
    const whole: OperationPolicy = { onFailure: 'fail-fast', stallAction: 'report', ...policy };
    this.#id = await this.starter.start({ plan: this.#plan }, { requestedBy: 'ada', policy: whole });
    await settle();
  }

  async resume(skipNodes: readonly string[]): Promise<void> {
    await this.starter.resume(this.#id, { requestedBy: 'eve', skipNodes });
    await settle();
  }

  async cancel(): Promise<void> {
    await this.starter.cancel(this.#id, 'ada');
    await settle();
  }

  async status(title: string): Promise<string | undefined> {
    return (await this.log.read(this.#id)).view.steps.get(this.#idOf(title))?.status;
  }

  async ended() {
    const { status, problem } = (await this.log.read(this.#id)).view;
    return { status, code: problem?.code, message: problem?.message ?? '' };
  }

  async events(type: string) {
    return (await this.store.events(this.#id)).filter((event) => event.type === type);
  }

  #idOf(title: string): string {
    return this.#steps().find((step) => step.title === title)?.id ?? 'none';
  }

  #titleOf(id: string): string {
    return this.#steps().find((step) => step.id === id)?.title ?? id;
  }

  #steps() {
    return this.#plan?.phases.flatMap((phase) => phase.steps) ?? [];
  }
}

const step = (node: string, title: string): StepDraft => ({
  ...{ title, node, kind: 'run-command', args: { argv: ['true'], env: {} } },
  ...{ effect: 'idempotent', timeoutSeconds: 9 },
});
const three = [step('a', 'a1'), step('a', 'a2'), step('b', 'b1'), step('b', 'b2'), step('c', 'c1')];

describe('an operation', () => {
  it('goes on without a failed node, ends as FAILED naming it, and takes it up again when it is resumed', async () => {
    const engine = new Engine();
    const [a, b, c] = [await engine.agent('a'), await engine.agent('b'), await engine.agent('c')];
    await engine.start(three, { onFailure: 'continue' });
    await a.finish('a1', 'FAILED');
    await b.finish('b1');
    await b.finish('b2');
    await c.finish('c1');
    assert.partialDeepStrictEqual(await engine.ended(), { status: 'FAILED', code: 'OPERATION_FAILED' });
    assert.match((await engine.ended()).message, /failed nodes: host-a; the others went on$/);
    assert.equal(await engine.status('a2'), 'SKIPPED');
    engine.sent.length = 0;
    await engine.resume([]);
    await a.finish('a1', 'SUCCEEDED', 2);
    await a.finish('a2', 'SUCCEEDED', 1);
    assert.deepEqual(engine.sent, ['a: run a1#2', 'a: run a2#1']);
    assert.equal((await engine.ended()).status, 'SUCCEEDED');
  });

  it('is resumed without a node that somebody gives up, and then succeeds', async () => {
    const engine = new Engine();
    const [a, b] = [await engine.agent('a'), await engine.agent('b')];
    await engine.start([step('a', 'a1'), step('a', 'a2'), step('b', 'b1')]);
    await b.finish('b1');
    await a.finish('a1', 'FAILED');
    assert.equal((await engine.ended()).status, 'FAILED');
    await engine.resume(['host-a']);
    assert.equal((await engine.ended()).status, 'SUCCEEDED');
    assert.partialDeepStrictEqual(await engine.events('node-skipped'), [{ node: 'a', requestedBy: 'eve' }]);
    assert.deepEqual([await engine.status('a1'), await engine.status('a2')], ['SKIPPED', 'SKIPPED']);
  });

  it('tells of a step that has printed nothing for long, while its node is connected; output ends the silence', async () => {
    const engine = new Engine();
    const a = await engine.agent('a');
    await engine.start([step('a', 'a1')], { stallSeconds: 100 });
    await engine.clock.pass(60);
    await a.print('a1', 0);
    await engine.clock.pass(60);
    assert.deepEqual(await engine.events('step-stalled'), []);
    await engine.clock.pass(40);
    assert.partialDeepStrictEqual(await engine.events('step-stalled'), [{ seconds: 100, attempt: 1 }]);
    await engine.clock.pass(1000);
    assert.equal((await engine.events('step-stalled')).length, 1);
    assert.deepEqual(engine.sent, ['a: run a1#1']);
    await a.finish('a1');
    assert.equal((await engine.ended()).status, 'SUCCEEDED');
  });

  it('ends a stalled step where that was asked for, and calls it UNKNOWN when its agent does not answer', async () => {
    const engine = new Engine();
    await engine.agent('a');
    await engine.start([step('a', 'a1')], { stallSeconds: 100, stallAction: 'cancel' });
    await engine.clock.pass(100);
    assert.deepEqual(engine.sent, ['a: run a1#1', 'a: cancel a1#1']);
    await engine.clock.pass(29);
    assert.equal(await engine.status('a1'), 'DISPATCHED');
    await engine.clock.pass(1);
    assert.equal(await engine.status('a1'), 'UNKNOWN');
    assert.equal((await engine.ended()).status, 'FAILED');
  });

  it('ends when its time is up: what is in flight is ended, and what did not run may be resumed', async () => {
    const engine = new Engine();
    const a = await engine.agent('a');
    await engine.start([step('a', 'a1'), step('a', 'a2')], { timeoutSeconds: 50 });
    await engine.clock.pass(50);
    assert.deepEqual(engine.sent, ['a: run a1#1', 'a: cancel a1#1']);
    await a.finish('a1', 'CANCELLED');
    assert.partialDeepStrictEqual(await engine.ended(), { status: 'FAILED', code: 'TIMEOUT' });
    await engine.resume([]);
    await a.finish('a1', 'SUCCEEDED', 2);
    await a.finish('a2');
    assert.equal((await engine.ended()).status, 'SUCCEEDED');
  });

  it('that is cancelled while a node is away takes what the node says when it comes back: nothing begins that had not', async () => {
    const engine = new Engine();
    const [a, b] = [await engine.agent('a'), await engine.agent('b')];
    await engine.start([step('a', 'a1'), step('b', 'b1')]);
    a.closed();
    b.closed();
    await engine.cancel();
    await engine.clock.pass(29);
    engine.sent.length = 0;
    const back = await engine.agent('a');
    await engine.agent('b', [{ title: 'b1', state: 'lost' }]);
    await settle();
    assert.deepEqual([...new Set(engine.sent)], ['a: cancel a1#1']);
    await back.finish('a1', 'CANCELLED');
    assert.deepEqual([await engine.status('a1'), await engine.status('b1')], ['CANCELLED', 'UNKNOWN']);
    assert.equal((await engine.ended()).status, 'CANCELLED');
  });

  it('that is cancelled ends within a bounded time, though an agent never answers', async () => {
    const engine = new Engine();
    await engine.agent('a');
    await engine.start([step('a', 'a1')]);
    await engine.cancel();
    await engine.clock.pass(30);
    assert.equal(await engine.status('a1'), 'UNKNOWN');
    assert.equal((await engine.ended()).status, 'CANCELLED');
  });
});
