import assert from 'node:assert/strict';
import { appendFileSync, existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Clock } from '@seal/foundation';
import { silentLog, withAgentDirectory } from '../testing/local-runner.ts';
import { FileSpool, spoolFiles } from './file-spool.ts';
import { lastLine } from './last-line.ts';
import { defaultOutboxLimits, Outbox, type OutputChunk } from './outbox.ts';
import { outputSizes } from './output-sizes.ts';
import type { OutputStream } from './spool-port.ts';
import type { StepKey } from './step-key.ts';

const a: StepKey = { step: 'a', attempt: 1 };
const b: StepKey = { step: 'b', attempt: 1 };

/** A disk that cannot read what step a wrote, or remove it, for as often as it is told. */
class FailingSpool extends FileSpool {
  failures = 0;

  #fail(key: StepKey): void {
    if (key.step !== 'a' || this.failures === 0) return;
    this.failures -= 1;
    throw new Error('EIO: i/o error');
  }

  override async read(key: StepKey, stream: OutputStream, offset: number, maxBytes: number): Promise<Uint8Array> {
    this.#fail(key);
    return super.read(key, stream, offset, maxBytes);
  }

  override async size(key: StepKey, stream: OutputStream): Promise<number> {
    this.#fail(key);
    return super.size(key, stream);
  }

  override async remove(key: StepKey): Promise<void> {
    this.#fail(key);
    return super.remove(key);
  }
}

/** Time that passes when the test says so. */
class Timers implements Clock {
  #waiting: (() => void)[] = [];

  now = () => 0;
  setTimer = (_milliseconds: number, callback: () => void) => {
    this.#waiting.push(callback);
    return () => undefined;
  };

  pass(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

async function withFailingSpool(
  body: (ports: { spool: FailingSpool; clock: Timers; outbox: Outbox; sent: OutputChunk[]; directory: string }) => Promise<void>,
): Promise<void> {
  await withAgentDirectory(async (directory) => {
    const spool = new FailingSpool(directory);
    const clock = new Timers();
    for (const key of [a, b]) {
      await spool.create(key);
      appendFileSync(spoolFiles(directory, key).stream(1), `of ${key.step}`);
    }
    const outbox = new Outbox(spool, clock, silentLog, defaultOutboxLimits);
    for (const key of [a, b]) outbox.end(key, { stdoutBytes: 4, stderrBytes: 0 });
    const sent: OutputChunk[] = [];
    await body({ spool, clock, outbox, sent, directory });
  });
}

const texts = (sent: readonly OutputChunk[]) => sent.map(({ data }) => Buffer.from(data).toString());

describe('output on a disk that fails', () => {
  it('holds up no output of another step', () =>
    withFailingSpool(async ({ spool, outbox, sent }) => {
      spool.failures = 1;
      await outbox.connected((chunk) => sent.push(chunk), 1000);
      assert.deepEqual(texts(sent), ['of b']);
    }));

  it('is sent when the disk works again, and before the outcome', () =>
    withFailingSpool(async ({ spool, clock, outbox, sent }) => {
      spool.failures = 3;
      await outbox.connected((chunk) => sent.push(chunk), 1000);
      let drained = false;
      const draining = outbox.drain(a).then(() => {
        drained = true;
      });
      for (let look = 0; !drained && look < 10; look += 1) {
        assert.equal(texts(sent).includes('of a'), drained);
        clock.pass();
        await outbox.pump();
      }
      await draining;
      assert.deepEqual(texts(sent), ['of b', 'of a']);
    }));

  it('is said to be dropped when the disk goes on failing', () =>
    withFailingSpool(async ({ spool, clock, outbox, sent }) => {
      spool.failures = Number.POSITIVE_INFINITY;
      await outbox.connected((chunk) => sent.push(chunk), 1000);
      for (let look = 0; look < 10; look += 1) {
        clock.pass();
        await outbox.pump();
      }
      await outbox.drain(a);
      const [, last] = sent;
      assert.deepEqual([last?.step, last?.offset, last?.droppedBytes, last?.data.length], ['a', 4, 4, 0]);
    }));

  it('is removed when the disk lets it', () =>
    withFailingSpool(async ({ spool, clock, outbox, sent, directory }) => {
      await outbox.connected((chunk) => sent.push(chunk), 1000);
      spool.failures = 2;
      await outbox.settle(a);
      await outbox.acknowledge(a, 1, 4);
      assert.ok(existsSync(spoolFiles(directory, a).directory));
      for (let look = 0; look < 500 && existsSync(spoolFiles(directory, a).directory); look += 1) {
        clock.pass();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.ok(!existsSync(spoolFiles(directory, a).directory));
    }));

  it('is measured as soon as it can be, and never in the way of an outcome', () =>
    withFailingSpool(async ({ spool }) => {
      const clock = new Timers();
      clock.setTimer = (_milliseconds, callback) => {
        setImmediate(callback);
        return () => undefined;
      };
      spool.failures = 2;
      assert.deepEqual(await outputSizes({ spool, clock, log: silentLog }, a), { stdoutBytes: 4, stderrBytes: 0 });
      spool.failures = Number.POSITIVE_INFINITY;
      assert.deepEqual(await outputSizes({ spool, clock, log: silentLog }, a), { stdoutBytes: 0, stderrBytes: 0 });
      assert.equal(await lastLine({ spool, log: silentLog }, a, 1), '');
      spool.failures = 0;
      assert.equal(await lastLine({ spool, log: silentLog }, a, 1), 'of a');
    }));
});
