import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '@seal/foundation';
import type { OperationEventBody, Plan } from '@seal/plan';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { OperationLog } from './operation-log.ts';
import { type WatchItem, watchOperation } from './watch-operation.ts';

const plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes: [], phases: [] } as unknown as Plan;

async function recorded() {
  const store = new SqliteStore(openDatabase(':memory:'));
  const log = new OperationLog({ store, clock: systemClock });
  await log.create({ id: 'op', cluster: '', plan, createdAt: 1 }, 'ada', []);
  let offset = 0;
  const print = (step: string, text: string) => {
    const output = { operation: 'op', step, attempt: 1, stream: 1, offset, data: Buffer.from(text), droppedBytes: 0 };
    offset += text.length;
    return log.appendOutput(output);
  };
  const watch = async (more: { fromSeq?: number; follow?: boolean; told?: (item: string) => void } = {}) => {
    const items: string[] = [];
    const gone = new AbortController().signal;
    for await (const item of watchOperation(log, store, 'op', { fromSeq: 1, outputs: true, follow: true, ...more, gone })) {
      items.push(textOf(item));
      more.told?.(textOf(item));
    }
    return items;
  };
  return { log, store, print, watch, append: (...bodies: OperationEventBody[]) => log.append('op', bodies) };
}

function textOf(item: WatchItem): string {
  if ('output' in item) return `"${Buffer.from(item.output.data)}"`;
  return 'event' in item ? `${item.event.seq} ${item.event.type}` : 'plan';
}

const waiting: OperationEventBody = { type: 'operation-waiting', reason: 'n1 is away' };
const going: OperationEventBody = { type: 'operation-continued' };
const end: OperationEventBody = { type: 'operation-finished', status: 'SUCCEEDED' };

it('everybody who watches an operation sees the same in the same order: from its beginning, from its middle and afterwards', async () => {
  const { print, watch, append } = await recorded();
  const early = watch();
  let middle: Promise<string[]> | undefined;
  const story: (() => Promise<void>)[] = [
    () => append(waiting, waiting),
    () => print('a', 'a1'),
    () => append(going, waiting),
    () => print('b', 'b1'),
    () => print('c', 'c1'),
    () => append(going),
    () => print('b', 'b2'),
    () => append(going),
    () => append(end),
  ];
  for (const [index, happens] of story.entries()) {
    const happened = happens();
    // Sometimes with the next one in a batch, sometimes durable before it.
    if (index % 3 === 0) await happened;
    if (index === 4) middle = watch();
  }
  const wanted = [
    'plan',
    '1 operation-created',
    '2 operation-waiting',
    '3 operation-waiting',
    '"a1"',
    '4 operation-continued',
    '5 operation-waiting',
  ];
  wanted.push('"b1"', '"c1"', '6 operation-continued', '"b2"', '7 operation-continued', '8 operation-finished');
  assert.deepEqual(await early, wanted);
  assert.deepEqual(await middle, wanted);
  assert.deepEqual(await watch(), wanted);
});

it('who comes back from the fifth event on is told the outputs and only the later events', async () => {
  const { print, watch, append } = await recorded();
  await append(waiting, waiting);
  await print('a', 'a1');
  await append(going);
  await print('b', 'b1');
  await append(going, end);
  assert.deepEqual(await watch({ fromSeq: 5 }), ['plan', '"a1"', '"b1"', '5 operation-continued', '6 operation-finished']);
});

it('an event is told in its place also while more output comes than is read at once', async () => {
  const { print, watch, append } = await recorded();
  await append(waiting, waiting);
  for (let number = 0; number < 150; number += 1) await print('a', `${number},`);
  const late: Promise<void>[] = [];
  const told = (item: string) => {
    if (item === '"10,"') late.push(append(going), print('a', 'last'), append(going, end));
  };
  const items = await watch({ told });
  await Promise.all(late);
  assert.deepEqual(items.slice(-5), [
    '"149,"',
    '4 operation-continued',
    '"last"',
    '5 operation-continued',
    '6 operation-finished',
  ]);
  assert.equal(items.length, 1 + 3 + 150 + 4);
});

it('ends for who begins to watch when a resumed operation has ended again already', async () => {
  const { watch, append } = await recorded();
  await append({ type: 'operation-finished', status: 'FAILED' });
  await append({ type: 'resume-requested', requestedBy: 'ada' }, end);
  assert.equal((await watch()).at(-1), '4 operation-finished');
});

it('output that came while events were read again is shown before those events', async () => {
  const { store, print, watch, append } = await recorded();
  await append(waiting);
  const [events, outputs] = [store.events.bind(store), store.outputs.bind(store)];
  // Between the first look at the events and the first look at the output.
  store.outputs = async (...asked) => {
    store.outputs = outputs;
    await Promise.all([append(going), print('b', 'b1')]);
    // And while the events are read again because of that.
    store.events = async (...again) => {
      store.events = events;
      await Promise.all([print('c', 'c1'), append(end)]);
      return events(...again);
    };
    return outputs(...asked);
  };
  const seen = await watch();
  assert.deepEqual(seen, [
    'plan',
    '1 operation-created',
    '2 operation-waiting',
    '3 operation-continued',
    '"b1"',
    '"c1"',
    '4 operation-finished',
  ]);
});
