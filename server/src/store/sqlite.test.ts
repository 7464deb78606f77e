import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Plan } from '@seal/plan';
import type { ClusterRecord } from '@seal/runtime';
import { openDatabase, SqliteStore } from './sqlite.ts';
import type { Write } from './store.ts';

const plan: Plan = { id: 'p', kind: 'exec', cluster: 'c1', baseRevision: 0, summary: 's', nodes: [], phases: [] };
const operation = (id: string, createdAt: number): Write => ({
  kind: 'operation',
  operation: { id, cluster: 'c1', plan, createdAt },
});
const event = (id: string, seq: number, type: 'operation-started' | 'operation-finished'): Write => ({
  kind: 'event',
  event: { operation: id, seq, at: 1, ...(type === 'operation-finished' ? { type, status: 'SUCCEEDED' } : { type }) },
});
const record = (revision: number): ClusterRecord => ({ name: 'c1', revision }) as ClusterRecord;
const open = () => new SqliteStore(openDatabase(':memory:'));

describe('the SQLite store', () => {
  it('applies a batch whole or not at all', async () => {
    const store = open();
    const batch: Write[] = [operation('op-1', 1), event('op-1', 1, 'operation-started'), event('op-1', 1, 'operation-started')];
    await assert.rejects(store.commit(batch), { code: 'STORE_FAILED' });
    assert.equal(await store.operation('op-1'), undefined);
  });

  it('refuses the writes of a server that another one has replaced', async () => {
    const database = openDatabase(':memory:');
    const [old, next] = [new SqliteStore(database), new SqliteStore(database)];
    await old.nextEpoch();
    await old.commit([operation('op-1', 1)]);
    await next.nextEpoch();
    await assert.rejects(old.commit([event('op-1', 1, 'operation-started')]), { code: 'SERVER_EPOCH_STALE' });
    await next.commit([event('op-1', 1, 'operation-started')]);
    assert.equal((await next.events('op-1')).length, 1);
  });

  it('finds operations that have not ended, oldest first, and resumed ones again', async () => {
    const store = open();
    await store.commit([operation('op-2', 2), operation('op-1', 1), event('op-1', 1, 'operation-started')]);
    assert.deepEqual(
      (await store.unfinishedOperations()).map((found) => found.id),
      ['op-1', 'op-2'],
    );
    await store.commit([event('op-1', 2, 'operation-finished')]);
    assert.deepEqual(
      (await store.unfinishedOperations()).map((found) => found.id),
      ['op-2'],
    );
    await store.commit([event('op-1', 3, 'operation-started')]);
    assert.equal((await store.unfinishedOperations()).length, 2);
  });

  it('refuses a cluster record made for another revision, and names both', async () => {
    const store = open();
    await store.commit([{ kind: 'cluster', record: record(1), expectRevision: 0 }]);
    await assert.rejects(store.commit([{ kind: 'cluster', record: record(2), expectRevision: 0 }]), {
      code: 'CONFLICT_REVISION',
      message: 'cluster c1 is at revision 1, but this change was made for revision 0',
    });
    assert.equal((await store.cluster('c1'))?.revision, 1);
  });

  it('gives every life of the server a higher epoch', async () => {
    const store = open();
    const first = await store.nextEpoch();
    assert.ok((await store.nextEpoch()) > first);
  });

  it('gives a life whose state is back from a backup a higher epoch than the lives that are forgotten', async () => {
    const store = open();
    assert.equal(await store.nextEpoch(1000), 1000);
    assert.equal(await store.nextEpoch(1000), 1001, 'two lives within a second');
    assert.equal(await store.nextEpoch(900), 1002, 'a clock that was set back');
  });

  it('knows where the output of a step ends', async () => {
    const store = open();
    const output = (offset: number, text: string): Write => ({
      kind: 'output',
      output: { operation: 'op-1', step: 's', attempt: 1, stream: 1, offset, data: Buffer.from(text), droppedBytes: 0 },
    });
    assert.equal(await store.outputEnd('s', 1, 1), 0);
    await store.commit([output(0, 'abc'), output(3, 'de')]);
    assert.equal(await store.outputEnd('s', 1, 1), 5);
    assert.equal(await store.outputEnd('s', 1, 2), 0);
    const rows = await store.outputs('op-1', 0, 10);
    assert.deepEqual(
      rows.map((row) => Buffer.from(row.output.data).toString()),
      ['abc', 'de'],
    );
  });

  it('never replaces a secret, and removes those of one cluster only', async () => {
    const store = open();
    const secret = (ref: string, text: string): Write => ({
      kind: 'secret',
      secret: { ref, sealed: Buffer.from(text), publicJson: '{}' },
    });
    await store.commit([secret('cluster/a/ca', 'first'), secret('cluster/ab/ca', 'other')]);
    await store.commit([secret('cluster/a/ca', 'second')]);
    assert.equal(Buffer.from((await store.secret('cluster/a/ca'))?.sealed ?? '').toString(), 'first');
    await store.commit([{ kind: 'secrets-removed', refPrefix: 'cluster/a/' }]);
    assert.equal(await store.secret('cluster/a/ca'), undefined);
    assert.ok(await store.secret('cluster/ab/ca'));
  });
});
