import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '@seal/foundation';
import type { Plan } from '@seal/plan';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import { OperationLog } from './operation-log.ts';

const plan = (id: string) =>
  ({ id, kind: 'exec', cluster: '', baseRevision: 0, summary: '', nodes: [], phases: [] }) as unknown as Plan;

it('an event that comes while others are on their way to the disk is told of too', async () => {
  const deferred: (() => void)[] = [];
  const passOn = async () => {
    for (const callback of deferred.splice(0)) callback();
    await turn();
  };
  const log = new OperationLog({
    store: new SqliteStore(openDatabase(':memory:')),
    clock: systemClock,
    defer: (callback) => deferred.push(callback),
  });
  const created = ['a', 'b'].map((id) => log.create({ id, cluster: '', plan: plan(`plan-${id}`), createdAt: 1 }, 'ada', []));
  await passOn();
  await passOn();
  await Promise.all(created);
  const told: string[] = [];
  for (const id of ['a', 'b']) log.subscribe(id, () => told.push(id), 'applied');
  const writes = [log.append('a', [{ type: 'operation-started' }])];
  await passOn();
  assert.deepEqual(told, ['a']);
  writes.push(log.append('b', [{ type: 'operation-started' }]));
  await passOn();
  await Promise.all(writes);
  assert.deepEqual(told, ['a', 'b']);
});
