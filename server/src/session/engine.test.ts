import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Problem, systemClock } from '@seal/foundation';
import { makePhases, type NodeFacts, type Plan, type StepDraft } from '@seal/plan';
import type { agentProto } from '@seal/protocol';
import { ClusterRecords } from '../operation/cluster-records.ts';
import { OperationLog } from '../operation/operation-log.ts';
import { OperationStarter } from '../operation/start-operation.ts';
import { watchOperation } from '../operation/watch-operation.ts';
import { Executor } from '../scheduler/executor.ts';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { Sessions } from './sessions.ts';

const facts: NodeFacts = {
  hostname: 'a',
  addresses: ['10.0.0.1'],
  arch: 'amd64',
  os: { id: 'debian', version: '12', kernel: '6' },
  machineId: 'm',
  bootId: 'b',
  cpus: 1,
  memoryBytes: 1,
  swapBytes: 0,
  diskFreeBytes: 1,
  listeningPorts: [],
  rootfs: [],
  takenAt: 0,
  agentVersion: 'test',
};

/** One life of a server over a database that outlives it. Agents are doubles that speak the protocol by hand. */
class Life {
  readonly store: SqliteStore;
  readonly log: OperationLog;
  readonly sessions: Sessions;
  readonly executor: Executor;

  constructor(database: ReturnType<typeof openDatabase>, epoch: number) {
    const quiet = { info: () => undefined, warn: () => undefined };
    this.store = new SqliteStore(database);
    this.log = new OperationLog({ store: this.store, clock: systemClock });
    const records = new ClusterRecords(this.store);
    this.sessions = new Sessions({
      store: this.store,
      log: this.log,
      records,
      clock: systemClock,
      logger: quiet,
      epoch,
      serverVersion: 'test',
      heartbeatSeconds: 10,
      outputWindowBytes: 1 << 20,
      resolveSecret: async () => Buffer.from('secret value'),
    });
    const onProblem = (_operation: string, error: unknown) => assert.fail(String(error));
    this.executor = new Executor({
      log: this.log,
      sender: this.sessions,
      clock: systemClock,
      graceSeconds: 60,
      epoch,
      onProblem,
    });
  }

  /** An agent double of node `a`: keeps what it was sent, says what the test tells it to. */
  async agent(steps: agentProto.StepReport[] = []) {
    const received: agentProto.ServerMessage[] = [];
    let wake: () => void = () => undefined;
    const link = {
      nodeId: 'a',
      nodeName: 'host-a',
      send: (message: agentProto.ServerMessage) => {
        received.push(message);
        wake();
      },
      close: () => undefined,
    };
    const session = this.sessions.connect(link);
    await session.receive({ hello: { agentVersion: 'test', bootId: 'b', facts: { ...facts }, steps } });
    const next = async <K extends keyof agentProto.ServerMessage>(kind: K): Promise<NonNullable<agentProto.ServerMessage[K]>> => {
      for (;;) {
        const index = received.findIndex((message) => message[kind] !== undefined);
        if (index >= 0) return received.splice(index, 1)[0]?.[kind] as NonNullable<agentProto.ServerMessage[K]>;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    const finish = (step: string, attempt: number, outcome = 'SUCCEEDED') =>
      session.receive({
        finished: { step, attempt, outcome, exitCode: 0, problem: undefined, durationMs: 5, stdoutBytes: 0, stderrBytes: 0 },
      });
    return { session, received, next, finish };
  }
}

const step = (title: string, more: object = {}): StepDraft =>
  ({
    title,
    node: 'a',
    kind: 'run-command',
    args: { argv: ['true'], env: {} },
    effect: 'idempotent',
    timeoutSeconds: 9,
    ...more,
  }) as StepDraft;

function planOf(...steps: StepDraft[]): Plan {
  const nodes = [{ id: 'a', name: 'host-a', ip: '10.0.0.1', role: 'worker' as const }];
  const phases = makePhases('p1', [{ name: 'only', title: '', steps }]);
  return { id: 'p1', kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes, phases };
}

const stored = (plan: Plan) => ({ id: 'op-1', cluster: plan.cluster, plan, createdAt: 1 });
const statusOf = async (life: Life) => (await life.log.read('op-1')).view.status;

async function untilFinished(life: Life): Promise<string> {
  const gone = new AbortController().signal;
  for await (const item of watchOperation(life.log, life.store, 'op-1', { fromSeq: 1, outputs: false, follow: true, gone }))
    void item;
  return statusOf(life);
}

describe('the engine', () => {
  it('sends a step, takes its result and ends the operation', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    await life.log.create(stored(planOf(step('one'), step('two'))), 'me', []);
    life.executor.start('op-1');
    for (const title of ['one', 'two']) {
      const run = await agent.next('run');
      assert.equal(run.step?.title, title);
      await agent.finish(run.step?.id ?? '', run.attempt);
      assert.equal((await agent.next('finishedAck')).step, run.step?.id);
    }
    assert.equal(await untilFinished(life), 'SUCCEEDED');
  });

  it('goes on in a new life of the server: what finished is not sent again, what never arrived is', async () => {
    const database = openDatabase(':memory:');
    const first = new Life(database, 1);
    const agent = await first.agent();
    await first.log.create(stored(planOf(step('one'), step('two'))), 'me', []);
    first.executor.start('op-1');
    const one = await agent.next('run');
    await agent.finish(one.step?.id ?? '', 1);
    const two = await agent.next('run');
    await first.executor.stop();

    const second = new Life(database, 2);
    for (const loaded of await second.log.recover()) second.executor.start(loaded.operation.id);
    const again = await second.agent();
    const resent = await again.next('run');
    assert.equal(resent.step?.title, 'two');
    assert.equal(resent.attempt, two.attempt);
    assert.equal(resent.epoch, 2);
    await again.finish(resent.step?.id ?? '', 1);
    assert.equal(await untilFinished(second), 'SUCCEEDED');
  });

  it('gives a step that the agent lost a new attempt, and leaves a running one alone', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    await life.log.create(stored(planOf(step('one'))), 'me', []);
    life.executor.start('op-1');
    const run = await agent.next('run');
    const id = run.step?.id ?? '';
    agent.session.closed();
    const running = await life.agent([{ step: id, attempt: 1, state: 'running' }]);
    assert.deepEqual(
      running.received.map((message) => Object.keys(message)[0]),
      ['welcome'],
    );
    running.session.closed();
    const lost = await life.agent([{ step: id, attempt: 1, state: 'lost' }]);
    assert.equal((await lost.next('run')).attempt, 2);
    await lost.finish(id, 2);
    assert.equal(await untilFinished(life), 'SUCCEEDED');
  });

  it('acknowledges a duplicate result without writing it twice', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    await life.log.create(stored(planOf(step('one'))), 'me', []);
    life.executor.start('op-1');
    const run = await agent.next('run');
    await Promise.all([agent.finish(run.step?.id ?? '', 1), agent.finish(run.step?.id ?? '', 1, 'FAILED')]);
    assert.equal(await untilFinished(life), 'SUCCEEDED');
    const events = await life.store.events('op-1');
    assert.equal(events.filter((event) => event.type === 'step-finished').length, 1);
  });

  it('stores each byte of output once, whatever is resent, and shows it before the end of its step', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    await life.log.create(stored(planOf(step('one'))), 'me', []);
    life.executor.start('op-1');
    const run = await agent.next('run');
    const id = run.step?.id ?? '';
    const chunk = (offset: number, text: string) =>
      agent.session.receive({ output: { step: id, attempt: 1, stream: 1, offset, data: Buffer.from(text), droppedBytes: 0 } });
    void chunk(0, 'hello ');
    void chunk(0, 'hello ');
    void chunk(3, 'lo world');
    void chunk(40, 'beyond a hole');
    await agent.finish(id, 1);
    await untilFinished(life);
    const items: string[] = [];
    const gone = new AbortController().signal;
    for await (const item of watchOperation(life.log, life.store, 'op-1', { fromSeq: 1, outputs: true, follow: true, gone }))
      items.push('output' in item ? Buffer.from(item.output.data).toString() : 'event' in item ? item.event.type : 'plan');
    assert.equal(items.filter((item) => item === 'hello ' || item === 'world').join(''), 'hello world');
    assert.ok(items.indexOf('world') < items.indexOf('step-finished'));
    assert.ok(!items.includes('beyond a hole'));
  });

  it('asks for output that its agent has and it has not, after a backup was restored, before it takes the outcome', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    await life.log.create(stored(planOf(step('one'))), 'ada', []);
    const agent = await life.agent();
    life.executor.start('op-1');
    const run = await agent.next('run');
    const finished = {
      step: run.step?.id ?? '',
      attempt: 1,
      outcome: 'SUCCEEDED',
      exitCode: 0,
      problem: undefined,
      durationMs: 5,
    };
    const outcome = { finished: { ...finished, stdoutBytes: 4, stderrBytes: 0 } };
    await agent.session.receive(outcome);
    assert.equal((await agent.next('outputAck')).offset, 0);
    assert.equal(await statusOf(life), 'RUNNING');
    const chunk = { step: finished.step, attempt: 1, stream: 1, offset: 0, data: Buffer.from('text'), droppedBytes: 0 };
    await agent.session.receive({ output: chunk });
    await agent.session.receive(outcome);
    assert.equal(await untilFinished(life), 'SUCCEEDED');
    await life.executor.stop();
  });

  it('sends secrets beside the step, not inside it', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    const args = {
      files: [{ path: '/x', mode: '0600', content: { template: 'token %T%', secrets: { '%T%': 'cluster/c/token' } } }],
    };
    await life.log.create(stored(planOf(step('one', { kind: 'write-files', args }))), 'me', []);
    life.executor.start('op-1');
    const run = await agent.next('run');
    assert.equal(run.secrets['cluster/c/token']?.toString(), 'secret value');
    assert.doesNotMatch(JSON.stringify(run.step), /secret value/);
    await life.executor.stop();
  });

  it('takes the first hello of a session only', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const { session, received } = await life.agent();
    await session.receive({ hello: { agentVersion: 'test', bootId: 'b', facts: { ...facts }, steps: [] } });
    assert.equal(received.filter(({ welcome }) => welcome).length, 1);
  });

  it('ends an orphan that still runs on the agent when nobody waits for it', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent([{ step: 'feedfeedfeedfeed', attempt: 1, state: 'running' }]);
    assert.equal((await agent.next('cancel')).step, 'feedfeedfeedfeed');
  });

  it('sends the present attempt to an agent that speaks of a lower one only', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const agent = await life.agent();
    await life.log.create(stored(planOf(step('one'))), 'me', []);
    life.executor.start('op-1');
    const id = (await agent.next('run')).step?.id ?? '';
    agent.session.closed();
    const lost = await life.agent([{ step: id, attempt: 1, state: 'lost' }]);
    assert.equal((await lost.next('run')).attempt, 2);
    lost.session.closed();
    // The second attempt never arrived; the outcome of the first, found late, does not stand in its way.
    const late = await life.agent([{ step: id, attempt: 1, state: 'finished' }]);
    assert.equal((await late.next('run')).attempt, 2);
    await late.finish(id, 2);
    assert.equal(await untilFinished(life), 'SUCCEEDED');
  });

  it('begins no second operation of a cluster while the first is being recorded', async () => {
    const life = new Life(openDatabase(':memory:'), 1);
    const records = new ClusterRecords(life.store);
    const random = { bytes: (count: number) => new Uint8Array(count), fraction: () => 0 };
    const starter = new OperationStarter({ log: life.log, records, executor: life.executor, clock: systemClock, random });
    const plan = { ...planOf(step('one')), cluster: 'demo', kind: 'install' as const };
    const asked = await Promise.allSettled([starter.start({ plan }, 'me'), starter.start({ plan }, 'you')]);
    assert.deepEqual(
      asked.map((answer) => (answer.status === 'fulfilled' ? answer.status : (answer.reason as Problem).code)),
      ['fulfilled', 'OPERATION_IN_PROGRESS'],
    );
    await life.executor.stop();
  });
});
