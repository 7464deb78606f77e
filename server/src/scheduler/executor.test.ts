import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, Problem } from '@seal/foundation';
import { OperationLog } from '../operation/operation-log.ts';
import { openDatabase, SqliteStore } from '../store/sqlite.ts';
import type { Write } from '../store/store.ts';
import { Executor } from './executor.ts';
import { command, planOf } from './testing/decisions.ts';

/** A disk that takes the beginning of an operation and nothing after it, until there is room. */
class FullStore extends SqliteStore {
  isFull = false;

  override async commit(batch: readonly Write[]): Promise<void> {
    if (this.isFull && batch.length > 0) throw new Problem('STORE_FAILED', 'no space left on device');
    return super.commit(batch);
  }
}

/** Time that passes when the test says so. */
class Timers implements Clock {
  #waiting: { callback: () => void; milliseconds: number }[] = [];

  now = () => 1000;
  setTimer = (milliseconds: number, callback: () => void) => {
    const timer = { callback, milliseconds };
    this.#waiting.push(timer);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== timer);
    };
  };

  pass(milliseconds: number): void {
    for (const timer of this.#waiting.splice(0)) if (timer.milliseconds === milliseconds) timer.callback();
  }
}

describe('an operation whose log cannot be written', () => {
  it('is tried again every 5 s, not at once, and goes on when it can be', async () => {
    const store = new FullStore(openDatabase(':memory:'));
    const clock = new Timers();
    const log = new OperationLog({ store, clock });
    const plan = planOf({ name: 'one', title: '', steps: [command('a', 'a1')] });
    await log.create({ id: 'op', cluster: 'c1', plan, createdAt: 1 }, 'ada', []);
    const sent: string[] = [];
    const problems: unknown[] = [];
    const sender = {
      awaySince: () => undefined,
      run: (_operation: string, step: { title: string }) => sent.push(step.title),
      cancel: () => undefined,
      subscribe: () => () => undefined,
    };
    const executor = new Executor({
      log,
      sender,
      clock,
      graceSeconds: 60,
      epoch: 1,
      onProblem: (_operation, error) => problems.push(error),
    });
    const settle = async () => {
      for (let turns = 0; turns < 50; turns += 1) await turn();
    };
    store.isFull = true;
    executor.start('op');
    await settle();
    assert.equal(problems.length, 1);
    clock.pass(1000);
    await settle();
    assert.equal(problems.length, 1, 'what its own try has changed is no news');
    clock.pass(5000);
    await settle();
    assert.equal(problems.length, 2);
    assert.deepEqual(sent, []);
    store.isFull = false;
    clock.pass(1000);
    await settle();
    clock.pass(5000);
    await settle();
    assert.deepEqual([problems.length, sent], [2, ['a1']]);
    await executor.stop();
  });
});
