import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Problem, systemClock } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { OperationLog } from '../operation/operation-log.ts';
import { watchOperation } from '../operation/watch-operation.ts';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import type { Write } from '../store/store.ts';
import { OutputReceiver } from './output-receiver.ts';

const limits = { headBytes: 10, tailBytes: 20 };
const plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes: [], phases: [] } as unknown as Plan;

async function serverWith(text: string, chunkBytes: number) {
  const store = new SqliteStore(openDatabase(':memory:'));
  const log = new OperationLog({ store, clock: systemClock });
  await log.create({ id: 'op', cluster: '', plan, createdAt: 1 }, 'ada', []);
  let receiver = new OutputReceiver(log, store, limits);
  const acknowledged: number[] = [];
  for (let offset = 0; offset < text.length; offset += chunkBytes) {
    // A session that ends in between changes nothing.
    if (offset % 3 === 0) receiver = new OutputReceiver(log, store, limits);
    const data = Buffer.from(text.slice(offset, offset + chunkBytes));
    acknowledged.push(await receiver.take('op', { step: 's', attempt: 1, stream: 1, offset, data, droppedBytes: 0 }));
  }
  const watched: { offset: number; text: string; droppedBytes: number }[] = [];
  const options = { fromSeq: 1, outputs: true, follow: false, gone: new AbortController().signal };
  for await (const item of watchOperation(log, store, 'op', options))
    if ('output' in item) {
      const { offset, data, droppedBytes } = item.output;
      watched.push({ offset, text: Buffer.from(data).toString(), droppedBytes });
    }
  return { acknowledged, watched };
}

const letters = (length: number) => Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');

it('of output without end its beginning and its end are kept, what is between is told as dropped, and all of it is acknowledged', async () => {
  const text = letters(1000);
  const { acknowledged, watched } = await serverWith(text, 5);
  assert.equal(acknowledged.at(-1), 1000);
  assert.equal(acknowledged.length, 200, 'every chunk');
  assert.equal(watched[0]?.text, text.slice(0, 5));
  const kept = watched.reduce((sum, chunk) => sum + chunk.text.length, 0);
  assert.ok(kept >= 30 && kept <= 10 + 2 * 20 + 5, `${kept} bytes are kept`);
  assert.equal(kept + watched.reduce((sum, chunk) => sum + chunk.droppedBytes, 0), 1000);
  assert.equal(watched.filter((chunk) => chunk.droppedBytes > 0).length, 1, 'one gap');
  assert.equal(watched.at(-1)?.text, text.slice(-5));
  for (const chunk of watched) assert.equal(chunk.text, text.slice(chunk.offset, chunk.offset + chunk.text.length));
});

it('output within the limits is kept whole', async () => {
  const text = letters(49);
  const { watched } = await serverWith(text, 7);
  assert.equal(watched.map((chunk) => chunk.text).join(''), text);
  assert.ok(watched.every((chunk) => chunk.droppedBytes === 0));
});

/** A disk that takes the beginning of an operation and nothing after it. */
class FullStore extends SqliteStore {
  isFull = false;

  override async commit(batch: readonly Write[]): Promise<void> {
    if (this.isFull && batch.length > 0) throw new Problem('STORE_FAILED', 'no space left on device');
    return super.commit(batch);
  }
}

it('output that comes twice is not acknowledged while the first of the two may still be lost', async () => {
  const store = new FullStore(openDatabase(':memory:'));
  const log = new OperationLog({ store, clock: systemClock });
  await log.create({ id: 'op', cluster: '', plan, createdAt: 1 }, 'ada', []);
  const receiver = new OutputReceiver(log, store, limits);
  const chunk = { step: 's', attempt: 1, stream: 1, offset: 0, data: Buffer.from('text'), droppedBytes: 0 };
  store.isFull = true;
  const answers = await Promise.allSettled([receiver.take('op', chunk), receiver.take('op', chunk)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await assert.rejects(receiver.settled(), { code: 'STORE_FAILED' });
});
