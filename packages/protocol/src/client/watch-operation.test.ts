import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '@seal/foundation';
import { connect } from './connect.ts';
import { ServerDouble } from './server-double.ts';
import { smallPlan } from './small-plan.ts';
import type { WatchItem, WatchOptions } from './watch-operation.ts';

const id = 'op-1';

async function scripted(): Promise<{ double: ServerDouble; step: string }> {
  const double = await ServerDouble.start();
  const plan = smallPlan();
  double.operations.set(id, { plan, items: [] });
  double.happen(id, { type: 'operation-created', requestedBy: 'ada' });
  double.happen(id, { type: 'operation-started' });
  return { double, step: plan.phases[0]!.steps[0]!.id };
}

/** Items as short words: "plan", "1 operation-created", "out abc". */
const inWords = (item: WatchItem) =>
  item.kind === 'plan'
    ? 'plan'
    : item.kind === 'event'
      ? `${item.event.seq} ${item.event.type}`
      : `out ${Buffer.from(item.output.data)}`;

async function watched(
  double: ServerDouble,
  options: WatchOptions,
  after: (word: string) => Promise<void> | void = () => undefined,
) {
  const client = connect(double.target);
  const words: string[] = [];
  try {
    for await (const item of client.watch(id, options)) {
      words.push(inWords(item));
      await after(inWords(item));
    }
  } finally {
    client.close();
  }
  return words;
}

test('a watch gives the plan first, then every event, and ends when the operation has finished', async () => {
  const { double } = await scripted();
  await using _ = double;
  const words = await watched(double, {}, (word) => {
    if (word === '2 operation-started') double.happen(id, { type: 'operation-finished', status: 'SUCCEEDED' });
  });
  assert.deepEqual(words, ['plan', '1 operation-created', '2 operation-started', '3 operation-finished']);
});

test('a watch without follow ends after what is there', async () => {
  const { double } = await scripted();
  await using _ = double;
  assert.deepEqual(await watched(double, { follow: false }), ['plan', '1 operation-created', '2 operation-started']);
});

test('a watch outlives a restart of the server, and gives no event and no byte twice', async () => {
  const { double, step } = await scripted();
  await using _ = double;
  const lost: string[] = [];
  let back = 0;
  double.print(id, step, 'abc');
  const words = await watched(
    double,
    { outputs: true, onConnectionLost: (problem) => lost.push(problem.code), onConnectionBack: () => (back += 1) },
    async (word) => {
      if (word === 'out abc') {
        await double.kill();
        double.print(id, step, 'def');
        double.happen(id, { type: 'step-started', step, attempt: 1 });
        await double.restart();
      }
      if (word === '3 step-started') double.happen(id, { type: 'operation-finished', status: 'SUCCEEDED' });
    },
  );
  assert.deepEqual(words, [
    'plan',
    '1 operation-created',
    '2 operation-started',
    'out abc',
    'out def',
    '3 step-started',
    '4 operation-finished',
  ]);
  assert.deepEqual([lost, back], [['SERVER_UNREACHABLE'], 1]);
  const requests = double.calls.filter((call) => call.method === 'watchOperation').map((call) => call.request);
  assert.deepEqual(
    requests.map((request) => (request as { fromSeq: number }).fromSeq),
    [1, 3],
  );
});

test('a watch gives up when the server stays away longer than its patience, and says how to go on', async () => {
  const { double } = await scripted();
  await using _ = double;
  const problem = await watched(double, { patienceSeconds: 0 }, (word) =>
    word === '2 operation-started' ? double.kill() : undefined,
  ).catch((error: unknown) => error);
  assert.ok(problem instanceof Problem);
  assert.equal(problem.code, 'SERVER_UNREACHABLE');
  assert.match(problem.remedy, /sealctl operation watch op-1/);
  await double.restart();
});

test('an answer that is a Problem ends the watch with that Problem', async () => {
  const { double } = await scripted();
  await using _ = double;
  const client = connect(double.target);
  await assert.rejects(client.watch('op-none').next(), {
    code: 'OPERATION_NOT_FOUND',
    message: 'there is no operation "op-none"',
  });
  client.close();
});

test('a server that cannot be reached at the start is a Problem at once', async () => {
  const { double } = await scripted();
  await double.kill();
  const client = connect(double.target);
  await assert.rejects(client.watch(id).next(), { code: 'SERVER_UNREACHABLE' });
  client.close();
  await double.restart();
  await double[Symbol.asyncDispose]();
});

test('aborting ends the watch quietly', async () => {
  const { double } = await scripted();
  await using _ = double;
  const stop = new AbortController();
  const words = await watched(double, { signal: stop.signal }, (word) => {
    if (word === '2 operation-started') stop.abort();
  });
  assert.deepEqual(words, ['plan', '1 operation-created', '2 operation-started']);
});
