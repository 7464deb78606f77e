import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperationEventBody } from '@seal/plan';
import { smallPlan } from '@seal/protocol/small-plan';
import fc from 'fast-check';
import { cleanText } from './clean-text.ts';
import { displayWidth, fitWidth } from './display-width.ts';
import { durationText, sinceText, sizeText } from './durations.ts';
import { lineReader } from './line-reader.ts';
import { makePaint } from './paint.ts';
import { planOutline } from './plan-lines.ts';
import { applyItem, newProgress, type Progress } from './progress.ts';
import { progressLines } from './progress-lines.ts';
import { tableText } from './table.ts';
import { uploadLine } from './upload-line.ts';

const plain = makePaint(false);
const plan = smallPlan();
const [fetchM1, fetchN1] = plan.phases[0]!.steps.map((step) => step.id) as [string, string];
const start = 1_000_000;

/** The progress after these events, one second apart. */
function after(...bodies: readonly OperationEventBody[]): Progress {
  const progress = newProgress('op-1', plan);
  bodies.forEach((body, index) => {
    applyItem(progress, { kind: 'event', event: { ...body, seq: index + 1, at: start + index * 1000, operation: 'op-1' } });
  });
  return progress;
}

const created = { type: 'operation-created', requestedBy: 'ada' } as const;
const distributing = [
  created,
  { type: 'phase-started', phase: 'distribute' },
  { type: 'step-started', step: fetchM1, attempt: 1 },
  { type: 'step-started', step: fetchN1, attempt: 1 },
] as const;

const print = (progress: Progress, step: string, text: string) =>
  applyItem(progress, {
    kind: 'output',
    output: { step, attempt: 1, stream: 1, offset: 0, data: Buffer.from(text), droppedBytes: 0 },
  });

const lines = (progress: Progress, columns = 70, rows = 24) =>
  progressLines(progress, { columns, rows, now: start + 5000, paint: plain });

test('the tree shows phases, and below the running one its nodes with the last line of output', () => {
  const progress = after(...distributing, {
    type: 'step-finished',
    step: fetchM1,
    attempt: 1,
    outcome: 'SUCCEEDED',
    durationMs: 900,
  });
  print(progress, fetchN1, 'layer 1 done\nlayer 2: 37%');
  assert.deepEqual(lines(progress), [
    'install cluster demo: 1 master, 1 worker, image kubernete…  op-1  5.0s',
    ' ⠋ Distribute the image                                1/2        4.0s',
    '    n1 ⠋ fetch layers                                             2.0s',
    '         layer 2: 37%',
    ' · Join the workers',
  ]);
});

test('a failed step stays in the tree with its mark', () => {
  const progress = after(
    ...distributing,
    { type: 'step-finished', step: fetchN1, attempt: 1, outcome: 'FAILED', exitCode: 2, durationMs: 1500 },
    { type: 'step-finished', step: fetchM1, attempt: 1, outcome: 'SUCCEEDED', durationMs: 1600 },
    { type: 'phase-finished', phase: 'distribute', status: 'FAILED' },
    { type: 'operation-finished', status: 'FAILED' },
  );
  assert.deepEqual(lines(progress).slice(1), [
    ' ✘ Distribute the image                                1/2        5.0s',
    '    n1 ✘ fetch layers                                             1.5s',
    ' · Join the workers',
  ]);
});

test('what is waited for is told', () => {
  const progress = after(...distributing, { type: 'operation-waiting', reason: 'node n1 is away' });
  assert.equal(lines(progress)[1], ' waiting: node n1 is away');
});

test('where there is no room, finished and coming phases are counted and details are cut', () => {
  const many = {
    ...plan,
    phases: Array.from({ length: 30 }, (_, index) => ({ ...plan.phases[1]!, name: `p${index}`, steps: [] })),
  };
  const progress = newProgress('op-1', many);
  const event = (seq: number, body: OperationEventBody) =>
    applyItem(progress, { kind: 'event', event: { ...body, seq, at: start, operation: 'op-1' } });
  event(1, { type: 'phase-started', phase: 'p0' });
  event(2, { type: 'phase-finished', phase: 'p0', status: 'SUCCEEDED' });
  event(3, { type: 'phase-started', phase: 'p1' });
  const shown = lines(progress, 60, 8);
  assert.deepEqual(
    shown.slice(1).map((line) => line.trim().slice(0, 18).trim()),
    ['1 phase done', '⠋ Join the workers', '28 phases to come'],
  );
});

test('the tree is never wider or higher than the screen', () => {
  const dimensions = [fc.integer({ min: 4, max: 200 }), fc.integer({ min: 6, max: 60 }), fc.string({ unit: 'binary' })] as const;
  fc.assert(
    fc.property(...dimensions, (columns, rows, output) => {
      const progress = after(...distributing);
      print(progress, fetchN1, output);
      const shown = lines(progress, columns, rows);
      assert.ok(shown.length <= rows, `${shown.length} lines of ${rows}`);
      for (const line of shown) assert.ok(displayWidth(line) <= columns, JSON.stringify(line));
    }),
  );
});

test('no control character of an output reaches the screen', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      assert.doesNotMatch(cleanText(text), /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
  assert.equal(cleanText('\x1b]0;title\x07\x1b[31mred\x1b[0m'), 'red');
  assert.equal(cleanText('a\tb\u202ec'), 'a  b\\u{202e}c');
  assert.equal(cleanText('10%\r50%\r100%\r'), '100%');
});

test('wide characters count two columns, marks none, and are not cut in half', () => {
  assert.equal(displayWidth('日本'), 4);
  assert.equal(displayWidth('e\u0301'), 1);
  assert.equal(displayWidth('👩‍👩‍👧'), 2);
  assert.equal(fitWidth('日本語', 4), '日…');
  assert.equal(fitWidth('abc', 3), 'abc');
});

test('lines and characters may be cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 1, max: 7 }), (texts, size) => {
      const all = texts.map((text) => text.replaceAll('\n', ' ')).join('\n');
      const reader = lineReader();
      const bytes = Buffer.from(all);
      const read: string[] = [];
      for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
      read.push(...reader.end());
      assert.equal(read.join('\n'), bytes.toString().replace(/\n$/, ''));
    }),
  );
});

test('lengths of time are short and exact enough', () => {
  const shown = [0, 940, 9949, 9950, 59_499, 65_000, 3_725_000, 90_000_000].map(durationText);
  assert.deepEqual(shown, ['0.0s', '0.9s', '9.9s', '10s', '59s', '1m 05s', '1h 02m', '1d 01h']);
  assert.deepEqual([sinceText(0, 5), sinceText(1000, 3000), sinceText(63_000, 3000)], ['never', '2.0s ago', 'in 1m 00s']);
  assert.deepEqual([sizeText(512), sizeText(1536), sizeText(300 * 1024 * 1024)], ['512 B', '1.5 KiB', '300 MiB']);
});

test('the outline of a plan lists its nodes and phases, and marks what takes something away', () => {
  const marked = { ...plan, phases: [plan.phases[0]!, { ...plan.phases[1]!, destructive: true }] };
  assert.deepEqual(planOutline(marked, plain), [
    'install cluster demo: 1 master, 1 worker, image kubernetes:1.20.2',
    'nodes: m1 (10.77.1.11, master), n1 (10.77.1.12, worker)',
    '  1. Distribute the image  on m1, n1',
    '  2. Join the workers DESTRUCTIVE  on n1',
  ]);
});

test('a table has aligned columns without borders; empty cells are dashes and hostile ones are made harmless', () => {
  assert.equal(
    tableText(
      ['node', 'ip'],
      [
        ['a', ''],
        ['long\x1b[2J', '1'],
      ],
      plain,
    ),
    'NODE  IP\na     -\nlong  1',
  );
});

test('the upload bar counts what the server lacked', () => {
  const progress = { doneBytes: 1024 + 512, totalBytes: 2048, missingBytes: 1024 };
  assert.equal(uploadLine('k8s:1', progress, 80), 'sending k8s:1 [############------------]  50% 512 B of 1.0 KiB');
});
