import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@seal/foundation';
import { command, LocalRunner, shellStep, silentLog, withAgentDirectory } from '../testing/local-runner.ts';
import { Outbox, type OutputChunk } from './outbox.ts';
import { restoreOutbox } from './restore-outbox.ts';

const key = { step: 'a', attempt: 1 };
const lines = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0);

/** The journal of an attempt that was accepted and begun in an earlier boot, and of which nothing is known since. */
async function loseAttempt(local: LocalRunner, attempt: number): Promise<void> {
  const accepted = { at: 1, epoch: 1, operation: 'op', kind: 'run-command', effect: 'idempotent' as const, timeoutSeconds: 60 };
  await local.journal.append({ type: 'accepted', step: 'a', attempt, ...accepted, bootId: 'an earlier boot', inDoubt: false });
  await local.journal.append({ type: 'started', step: 'a', attempt, at: 1, okExitCodes: [0] });
}

describe('to a server that was restored from a backup', () => {
  it('a command for a lower attempt is answered with the outcome of the highest one, and runs nothing', () =>
    withAgentDirectory(async (directory) => {
      const marks = join(directory, 'marks');
      const local = await LocalRunner.open({ directory });
      const step = shellStep('a', `echo ran >>${marks}`);
      await local.runner.run(command(step, { attempt: 3 }));
      await local.outcome('a', 3);
      const before = local.reports.length;
      await local.runner.run(command(step, { attempt: 2 }));
      const [answer] = local.reports.slice(before);
      assert.deepEqual([answer?.type, answer?.key.attempt, answer?.finished?.outcome], ['finished', 3, 'SUCCEEDED']);
      assert.equal(lines(marks), 1);
    }));

  it('a command for a lower attempt than one that was lost is answered as UNKNOWN', () =>
    withAgentDirectory(async (directory) => {
      const local = await LocalRunner.open({ directory });
      await loseAttempt(local, 3);
      await local.runner.run(command(shellStep('a', 'true'), { attempt: 2 }));
      const { outcome, problem } = await local.outcome('a', 2);
      assert.deepEqual([outcome, problem?.code], ['UNKNOWN', 'STEP_UNKNOWN']);
    }));

  it('an attempt that was lost and let go of begins anew, and is found again by the next life of the agent', () =>
    withAgentDirectory(async (directory) => {
      const marks = join(directory, 'marks');
      const first = await LocalRunner.open({ directory });
      await loseAttempt(first, 1);
      await first.runner.settle(key);
      assert.deepEqual(first.runner.states(), []);
      await first.runner.run(command(shellStep('a', `echo ran >>${marks}; sleep 2`)));
      await first.wait(({ type }) => type === 'started');
      for (let tries = 0; lines(marks) === 0 && tries < 600; tries += 1) await delay(50);
      first.runner.stop();
      await first.journal.close();
      const second = await LocalRunner.open({ directory });
      assert.deepEqual(second.runner.states(), [{ ...key, state: 'running' }]);
      assert.equal((await second.outcome('a')).outcome, 'SUCCEEDED');
      assert.equal(lines(marks), 1);
    }));

  it('output that is not there any more is said to be dropped', () =>
    withAgentDirectory(async (directory) => {
      const local = await LocalRunner.open({ directory });
      const { spool, journal, runner } = local;
      await runner.run(command(shellStep('a', 'echo text')));
      await local.outcome('a');
      await spool.remove(key);
      const outbox = new Outbox(spool, systemClock, silentLog);
      await restoreOutbox({ journal, outbox, spool, now: systemClock.now(), runner });
      const sent: OutputChunk[] = [];
      await outbox.connected((chunk) => sent.push(chunk), 1000);
      await outbox.drain(key);
      outbox.stop();
      assert.deepEqual(
        sent.map(({ offset, droppedBytes, data }) => [offset, droppedBytes, data.length]),
        [[5, 5, 0]],
      );
    }));
});
