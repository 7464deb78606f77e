import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Problem, systemClock } from '@seal/foundation';
import { Journal, keepSettledMs } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import { encodeRecord, type JournalRecordOf } from './journal-record.ts';
import { openJournalFile } from './linux-journal-file.ts';

function accepted(step: string, attempt = 1): JournalRecordOf<'accepted'> {
  const facts = { epoch: 1, operation: 'op-1', kind: 'run-command', effect: 'idempotent' as const, timeoutSeconds: 60 };
  return { type: 'accepted', step, attempt, at: 1000, ...facts, bootId: 'boot-a', inDoubt: false };
}

function finished(step: string, attempt = 1): JournalRecordOf<'finished'> {
  return { type: 'finished', step, attempt, at: 2000, outcome: 'SUCCEEDED', durationMs: 5, stdoutBytes: 0, stderrBytes: 0 };
}

async function withDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-journal-'));
  try {
    await body(join(directory, 'journal'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A file system of 256 KiB; `fill` takes the rest of it. Needs root. */
async function withFullDisk(body: (directory: string, fill: () => Promise<void>) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'seal-journal-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256K', 'seal-journal-test', directory]);
  try {
    await body(directory, () =>
      assert.rejects(writeFile(join(directory, 'ballast'), Buffer.alloc(1024 * 1024)), failsWith('ENOSPC')),
    );
  } finally {
    execFileSync('umount', ['--lazy', directory]);
    await rm(directory, { recursive: true });
  }
}

/** A disk in memory that counts and fails as told. */
class MemoryFile implements JournalFile {
  data = Buffer.alloc(0);
  syncs = 0;
  replaced = 0;
  /** What the next calls do instead of their work. */
  failing: 'append' | 'sync' | 'replace' | 'reserve' | undefined;
  reserved = 0;
  /** Bytes that a failing append leaves behind. */
  torn = 0;

  async readAll(): Promise<Uint8Array> {
    return this.data;
  }
  async append(data: Uint8Array): Promise<void> {
    const kept = this.failing === 'append' ? data.subarray(0, this.torn) : data;
    this.data = Buffer.concat([this.data, kept]);
    if (this.failing === 'append') throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  }
  async sync(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.syncs += 1;
    if (this.failing === 'sync') throw new Error('EIO: i/o error');
  }
  async truncate(length: number): Promise<void> {
    this.data = this.data.subarray(0, length);
  }
  async reserve(size: number): Promise<void> {
    if (this.failing === 'reserve') throw new Error('ENOSPC: no space left on device');
    this.reserved = size;
  }
  async replace(data: Uint8Array, size: number): Promise<void> {
    if (this.failing) throw new Error('ENOSPC: no space left on device');
    this.data = Buffer.from(data);
    this.reserved = size;
    this.replaced += 1;
  }
  close = async () => undefined;
}

const failsWith = (code: string) => (error: { code?: string }) => error.code === code;

test('what was appended is there after the file is opened again', () =>
  withDirectory(async (path) => {
    const journal = await Journal.open(await openJournalFile(path), systemClock);
    await journal.append({ type: 'epoch', epoch: 7 });
    await journal.append(accepted('a'));
    await journal.append(finished('a'));
    await journal.append(accepted('b'));
    await journal.close();
    const again = await Journal.open(await openJournalFile(path), systemClock);
    assert.equal(again.epoch, 7);
    assert.equal(again.get('a', 1)?.finished?.outcome, 'SUCCEEDED');
    assert.deepEqual(
      again.unsettled().map(({ step, finished: done }) => [step, done !== undefined]),
      [
        ['a', true],
        ['b', false],
      ],
    );
    await again.close();
  }));

test('a record torn at any byte of its line is cut, the ones before it stay, and appending goes on behind them', () =>
  withDirectory(async (path) => {
    const whole = encodeRecord(accepted('a'));
    const torn = encodeRecord(accepted('b'));
    for (let bytes = 1; bytes < torn.length; bytes += 7) {
      await writeFile(path, whole + torn.slice(0, bytes));
      const journal = await Journal.open(await openJournalFile(path), systemClock);
      assert.equal(journal.get('b', 1), undefined);
      await journal.append(accepted('c'));
      await journal.close();
      assert.equal(await readFile(path, 'utf8'), whole + encodeRecord(accepted('c')));
    }
  }));

test('zero bytes where the last record should be are cut', () =>
  withDirectory(async (path) => {
    await writeFile(path, encodeRecord(accepted('a')));
    await appendFile(path, Buffer.alloc(300));
    const journal = await Journal.open(await openJournalFile(path), systemClock);
    assert.deepEqual(
      journal.unsettled().map(({ step }) => step),
      ['a'],
    );
    await journal.close();
  }));

test('an altered record with good ones behind it is refused, and nothing is cut', () =>
  withDirectory(async (path) => {
    const text = encodeRecord(accepted('a')).replace('op-1', 'op-2') + encodeRecord(accepted('b'));
    await writeFile(path, text);
    await assert.rejects(Journal.open(await openJournalFile(path), systemClock), failsWith('JOURNAL_CORRUPT'));
    assert.equal(await readFile(path, 'utf8'), text);
  }));

test('records appended while a write is on its way share the next fsync', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock);
  await Promise.all(Array.from({ length: 50 }, (_, number) => journal.append(accepted(`step-${number}`))));
  assert.equal(file.syncs, 2);
  assert.equal(journal.unsettled().length, 50);
});

test('a record that need not survive a loss of power costs no fsync', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock);
  await journal.append(accepted('a'));
  await journal.append({ type: 'started', step: 'a', attempt: 1, at: 1, okExitCodes: [0] }, 'written');
  assert.equal(file.syncs, 1);
});

test('a full disk refuses the record, and once there is space the journal goes on without the torn rest', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock);
  await journal.append(accepted('a'));
  file.failing = 'append';
  file.torn = 20;
  await assert.rejects(journal.append(accepted('b')), failsWith('JOURNAL_FAILED'));
  await assert.rejects(journal.append(accepted('b')), failsWith('JOURNAL_FAILED'));
  assert.equal(journal.get('b', 1), undefined);
  file.failing = undefined;
  await journal.append(accepted('c'));
  const again = await Journal.open(file, systemClock);
  assert.deepEqual(
    again.unsettled().map(({ step }) => step),
    ['a', 'c'],
  );
});

test('a step is accepted only with room for its outcome; without it nothing is written, and what was accepted before goes on', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock);
  await journal.append(accepted('a'));
  assert.ok(file.reserved - file.data.length > 8 * 1024, `${file.reserved} bytes are reserved`);
  file.failing = 'reserve';
  let number = 0;
  while ((await journal.append(accepted(`b-${number}`)).catch((problem: Problem) => problem.code)) === undefined) number += 1;
  const before = file.data.length;
  const writes = [accepted('c'), finished('a')].map((record) => journal.append(record));
  const [refused, done] = await Promise.allSettled(writes);
  assert.equal((refused as PromiseRejectedResult).reason.code, 'JOURNAL_FAILED');
  assert.equal(done?.status, 'fulfilled');
  assert.equal(file.data.toString('utf8', before), encodeRecord(finished('a')));
  assert.equal(file.replaced, 0);
});

test('on a disk that fills up after a step was accepted its outcome is journaled, further steps are refused', () =>
  withFullDisk(async (directory, fill) => {
    const journal = await Journal.open(await openJournalFile(join(directory, 'log')), systemClock);
    await journal.append(accepted('a'));
    await fill();
    const more = Array.from({ length: 9 }, (_, number) => journal.append(accepted(`b-${number}`)));
    const refused = (await Promise.allSettled(more)).filter(({ status }) => status === 'rejected');
    assert.ok(refused.length >= 6, `${refused.length} of 9 were refused`);
    const problem = { code: 'STEP_FAILED' as const, message: 'x'.repeat(4000), remedy: '', details: {} };
    await journal.append({ ...finished('a'), outcome: 'FAILED', problem });
    await journal.append({ type: 'settled', step: 'a', attempt: 1, at: 1 });
    await journal.close();
  }));

test('a long journal that cannot be rewritten for want of room goes on as it is', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock, 1000);
  file.failing = 'replace';
  for (let number = 0; number < 20; number += 1) await journal.append({ ...accepted(`a-${number}`) });
  assert.ok(file.data.length > 2000);
  assert.equal(journal.unsettled().length, 20);
});

test('after a failed fsync nothing of that file is trusted: it is made anew from what is known', async () => {
  const file = new MemoryFile();
  const journal = await Journal.open(file, systemClock);
  await journal.append(accepted('a'));
  file.failing = 'sync';
  await assert.rejects(journal.append(accepted('b')), failsWith('JOURNAL_FAILED'));
  file.failing = undefined;
  file.data = Buffer.alloc(0); // the kernel dropped the dirty pages
  await journal.append(accepted('c'));
  assert.equal(file.replaced, 1);
  const again = await Journal.open(file, systemClock);
  assert.deepEqual(
    again.unsettled().map(({ step }) => step),
    ['a', 'c'],
  );
});

test('a long journal is rewritten without what was settled more than 7 days ago', async () => {
  const file = new MemoryFile();
  let now = 1_000_000;
  const clock = { ...systemClock, now: () => now };
  const journal = await Journal.open(file, clock, 10_000);
  const settle = async (step: string) => {
    await Promise.all([journal.append(accepted(step)), journal.append(finished(step))]);
    await journal.append({ type: 'settled', step, attempt: 1, at: now });
  };
  for (let number = 0; number < 20; number += 1) await settle(`old-${number}`);
  now += keepSettledMs + 1;
  for (let number = 0; number < 20; number += 1) await settle(`new-${number}`);
  await journal.append(accepted('open'));
  assert.equal(journal.get('old-1', 1), undefined);
  assert.equal(journal.get('new-1', 1)?.finished?.outcome, 'SUCCEEDED');
  const again = await Journal.open(file, clock);
  assert.deepEqual(
    again.unsettled().map(({ step }) => step),
    ['open'],
  );
});
