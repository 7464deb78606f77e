import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OperationEventBody } from './events.ts';
import { foldOperation, tookMs } from './fold-operation.ts';
import type { Plan } from './plan.ts';

const plan: Plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: 'nothing', nodes: [], phases: [] };

function viewOf(...happened: readonly (readonly [number, OperationEventBody])[]) {
  const events = happened.map(([at, body], index) => ({ ...body, at, seq: index + 1, operation: 'op' }));
  return foldOperation('op', plan, events);
}

test('the time an operation took is that of its runs, without the time it lay failed', () => {
  const failed: OperationEventBody = { type: 'operation-finished', status: 'FAILED' };
  const resume: OperationEventBody = { type: 'resume-requested', requestedBy: 'ada' };
  const first = [
    [1000, { type: 'operation-created', requestedBy: 'ada' }],
    [4000, failed],
  ] as const;
  assert.equal(tookMs(viewOf(first[0]), 2500), 1500);
  assert.equal(tookMs(viewOf(...first), 90_000), 3000);
  const again = [...first, [100_000, resume]] as const;
  assert.equal(tookMs(viewOf(...again), 100_500), 3500);
  assert.equal(tookMs(viewOf(...again, [102_000, failed], [500_000, resume], [500_100, failed]), 900_000), 5100);
});
