import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Clock } from '@seal/foundation';
import fc from 'fast-check';
import { silentLog, withAgentDirectory } from '../testing/local-runner.ts';
import { FileSpool, spoolFiles } from './file-spool.ts';
import { defaultOutboxLimits, Outbox, type OutputChunk } from './outbox.ts';
import type { StepKey } from './step-key.ts';

const a: StepKey = { step: 'a', attempt: 1 };
const b: StepKey = { step: 'b', attempt: 1 };
/** The test itself says when to look. */
const stillClock: Clock = { now: () => 0, setTimer: () => () => undefined };

/** What a server does with chunks: keeps bytes by offset, and knows where it has a gap that was announced. */
class Receiver {
  readonly chunks: OutputChunk[] = [];
  have = 0;
  dropped = 0;
  bytes = Buffer.alloc(0);

  receive(chunk: OutputChunk): void {
    this.chunks.push(chunk);
    const end = chunk.offset + chunk.data.length;
    if (end <= this.have) return;
    assert.ok(chunk.offset - chunk.droppedBytes <= this.have, `a gap at ${this.have} that nobody announced`);
    this.dropped += Math.max(0, chunk.offset - this.have);
    this.bytes = Buffer.concat([this.bytes, chunk.data.subarray(Math.max(0, this.have - chunk.offset))]);
    this.have = end;
  }
}

async function withOutbox(
  body: (ports: {
    spool: FileSpool;
    outbox: Outbox;
    write: (key: StepKey, data: string | Buffer) => void;
    directory: string;
  }) => Promise<void>,
  limits = defaultOutboxLimits,
): Promise<void> {
  await withAgentDirectory(async (directory) => {
    const spool = new FileSpool(directory);
    for (const key of [a, b]) await spool.create(key);
    const outbox = new Outbox(spool, stillClock, silentLog, limits);
    await body({ spool, outbox, write: (key, data) => appendFileSync(spoolFiles(directory, key).stream(1), data), directory });
  });
}

test('output is sent in chunks of at most 32 KiB with their offsets', () =>
  withOutbox(async ({ outbox, write }) => {
    const server = new Receiver();
    outbox.begin(a);
    write(a, 'x'.repeat(70_000));
    await outbox.connected((chunk) => server.receive(chunk), 1_000_000);
    assert.deepEqual(
      server.chunks.map(({ offset, data }) => [offset, data.length]),
      [
        [0, 32768],
        [32768, 32768],
        [65536, 4464],
      ],
    );
  }));

test('after a reconnect it goes on from the acknowledged offset', () =>
  withOutbox(async ({ outbox, write }) => {
    const server = new Receiver();
    outbox.begin(a);
    write(a, 'abcdefgh');
    await outbox.connected((chunk) => server.receive(chunk), 1000);
    await outbox.acknowledge(a, 1, 3);
    outbox.disconnected();
    await outbox.connected((chunk) => server.receive(chunk), 1000);
    assert.deepEqual(
      server.chunks.map(({ offset, data }) => [offset, Buffer.from(data).toString()]),
      [
        [0, 'abcdefgh'],
        [3, 'defgh'],
      ],
    );
  }));

test('a server that has less than it once acknowledged gets the rest again', () =>
  withOutbox(async ({ outbox, write }) => {
    const sent: string[] = [];
    outbox.begin(a);
    write(a, 'abcdefgh');
    await outbox.connected((chunk) => sent.push(`${chunk.offset} ${Buffer.from(chunk.data).toString()}`), 1000);
    await outbox.acknowledge(a, 1, 8);
    write(a, 'ij');
    await outbox.pump();
    await outbox.acknowledge(a, 1, 2);
    assert.deepEqual(sent, ['0 abcdefgh', '8 ij', '2 cdefghij']);
  }));

test('no more than the window is unacknowledged, and a flood of one step leaves room for the other', () =>
  withOutbox(async ({ outbox, write }) => {
    const server = new Receiver();
    const sent: string[] = [];
    outbox.begin(a);
    outbox.begin(b);
    write(a, Buffer.alloc(1_000_000));
    write(b, 'important');
    await outbox.connected((chunk) => sent.push(`${chunk.step} ${chunk.offset} ${chunk.data.length}`), 100_000);
    assert.deepEqual(sent, ['a 0 32768', 'b 0 9', 'a 32768 32768', 'a 65536 32768', 'a 98304 1687']);
    await outbox.acknowledge(a, 1, 32768);
    assert.deepEqual(sent.slice(5), ['a 99991 32768']);
    assert.equal(server.chunks.length, 0);
  }));

test('a stream that grows too long keeps its head and its tail, says how much is gone, and frees the disk', () =>
  withOutbox(
    async ({ outbox, write, spool, directory }) => {
      const server = new Receiver();
      outbox.begin(a);
      const block = Buffer.alloc(1024 * 1024, 'm');
      write(a, Buffer.alloc(65536, 'h'));
      for (let mebibyte = 0; mebibyte < 16; mebibyte += 1) {
        write(a, block);
        await outbox.pump();
      }
      write(a, 'the end');
      const { blocks } = await stat(spoolFiles(directory, a).stream(1));
      assert.ok(blocks * 512 < 2 * 1024 * 1024, `${blocks * 512} bytes on disk`);
      outbox.end(a, { stdoutBytes: await spool.size(a, 1), stderrBytes: 0 });
      await outbox.connected((chunk) => server.receive(chunk), 100_000_000);
      assert.equal(server.have, 65536 + 16 * 1024 * 1024 + 7);
      assert.equal(server.dropped + server.bytes.length, server.have);
      assert.equal(server.bytes.subarray(0, 65536).toString(), 'h'.repeat(65536));
      assert.ok(server.bytes.toString('latin1').endsWith('mmthe end'));
      assert.ok(!server.bytes.includes(0), 'a hole was read as output');
    },
    { ...defaultOutboxLimits, headBytes: 65536, tailBytes: 65536 },
  ));

test('a spool is removed when the server has the outcome and all of the output, in whatever order it says so', async () => {
  for (const order of ['outcome first', 'output first'])
    await withOutbox(async ({ outbox, write, spool }) => {
      outbox.begin(a);
      write(a, 'abc');
      outbox.end(a, { stdoutBytes: 3, stderrBytes: 0 });
      await outbox.connected(() => undefined, 1000);
      if (order === 'outcome first') await outbox.settle(a);
      await outbox.acknowledge(a, 1, 2);
      assert.equal((await spool.list()).length, 2);
      await outbox.acknowledge(a, 1, 3);
      if (order === 'output first') await outbox.settle(a);
      assert.deepEqual(await spool.list(), [b]);
    });
});

test('output of a lower attempt is sent and then removed, without an outcome, once a higher attempt began', () =>
  withOutbox(async ({ outbox, write, spool }) => {
    write(a, 'lost');
    outbox.end(a, { stdoutBytes: 4, stderrBytes: 0 });
    await outbox.connected(() => undefined, 1000);
    outbox.begin({ step: 'a', attempt: 2 });
    await outbox.settleBelow({ step: 'a', attempt: 2 });
    assert.equal((await spool.list()).length, 2);
    await outbox.acknowledge(a, 1, 4);
    assert.deepEqual(await spool.list(), [b]);
  }));

test('whatever is written, cut and acknowledged, the server gets every byte once and in order', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.record({ write: fc.integer({ min: 1, max: 90_000 }) }), fc.constant('cut' as const), fc.nat(100)), {
        maxLength: 20,
      }),
      (events) =>
        withOutbox(async ({ outbox, write, spool }) => {
          const server = new Receiver();
          let written = 0;
          const connect = () => outbox.connected((chunk) => server.receive(chunk), 65536);
          outbox.begin(a);
          await connect();
          for (const event of events) {
            if (event === 'cut') {
              outbox.disconnected();
              await connect();
            } else if (typeof event === 'number') await outbox.acknowledge(a, 1, Math.floor((server.have * event) / 100));
            else {
              write(a, Buffer.from(Array.from({ length: event.write }, (_, index) => (written + index) % 251)));
              written += event.write;
              await outbox.pump();
            }
          }
          outbox.end(a, { stdoutBytes: written, stderrBytes: 0 });
          await outbox.settle(a);
          await outbox.pump();
          for (let rounds = 0; server.have < written; rounds += 1) {
            assert.ok(rounds < 1000, 'the output stands still');
            await outbox.acknowledge(a, 1, server.have);
            await outbox.pump();
          }
          await outbox.acknowledge(a, 1, written);
          assert.equal(server.bytes.length, written);
          assert.ok(server.bytes.every((byte, index) => byte === index % 251));
          assert.equal(server.dropped, 0);
          assert.ok(written === 0 || (await spool.list()).length === 1);
        }),
    ),
    { numRuns: 40 },
  ));

test('dropped ranges are known to the next agent', () =>
  withOutbox(async ({ write, spool, directory }) => {
    write(a, Buffer.alloc(100_000, 'x'));
    await spool.drop(a, 1, { from: 8192, to: 90_000 });
    const next = new FileSpool(directory);
    assert.deepEqual(await next.dropped(a, 1), { from: 8192, to: 90_000 });
    assert.equal((await next.read(a, 1, 0, 1_000_000)).length, 8192);
    assert.equal((await stat(join(directory, 'a.1', 'stdout'))).size, 100_000);
  }));

test('a step that writes without end keeps neither the output nor the outcome of another one waiting', () =>
  withOutbox(async ({ outbox, write }) => {
    const chunk = Buffer.alloc(32 * 1024);
    const sent: string[] = [];
    let endless = true;
    const send = ({ step, attempt, stream, offset, data }: OutputChunk) => {
      sent.push(step);
      if (step === 'a' && endless && sent.length < 2000) write(a, chunk);
      // The acknowledgement comes at once, so that the window never stays full.
      void outbox.acknowledge({ step, attempt }, stream, offset + data.length);
    };
    outbox.begin(a);
    outbox.begin(b);
    write(a, Buffer.alloc(256 * 1024));
    const connected = outbox.connected(send, 64 * 1024);
    write(b, 'done\n');
    outbox.end(b, { stdoutBytes: 5, stderrBytes: 0 });
    await outbox.drain(b);
    endless = false;
    assert.ok(sent.includes('b'));
    assert.ok(sent.length < 50, `${sent.length} chunks were sent before those of the other step were through`);
    await connected;
  }));

test('in a window that stays full, streams take turns with every acknowledgement', () =>
  withOutbox(async ({ outbox, write }) => {
    const sent: OutputChunk[] = [];
    outbox.begin(a);
    outbox.begin(b);
    for (const key of [a, b]) write(key, Buffer.alloc(200 * 1024));
    await outbox.connected((chunk) => sent.push(chunk), 32 * 1024);
    for (let index = 0; index < 5; index += 1) {
      const last = sent.at(-1)!;
      await outbox.acknowledge({ step: last.step, attempt: 1 }, 1, last.offset + last.data.length);
    }
    assert.equal(sent.map((chunk) => chunk.step).join(''), 'ababab');
  }));

test('output of a finished step that is not there any more is said to be dropped, so that nobody waits for it', () =>
  withOutbox(async ({ outbox, write }) => {
    const server = new Receiver();
    outbox.begin(a);
    write(a, '0123456789');
    await outbox.connected((chunk) => server.receive(chunk), 1_000_000);
    outbox.end(a, { stdoutBytes: 25, stderrBytes: 0 });
    await outbox.drain(a);
    assert.deepEqual([server.have, server.dropped, server.bytes.toString()], [25, 15, '0123456789']);
  }));
