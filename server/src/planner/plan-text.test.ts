import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePlan } from '@seal/plan';
import { installed, sampleNodes } from '@seal/runtime/testing';
import { planDeleteCluster } from './plan-delete-cluster.ts';

test('a phase tells how many nodes it works on at once, its own time limit, and that it waits for all before it', () => {
  const plan = planDeleteCluster({ planId: 'plan-1', facts: installed(sampleNodes(1, 20)), force: false });
  const limited = { ...plan, phases: plan.phases.map((phase) => ({ ...phase, timeoutSeconds: 5400 })) };
  const titles = describePlan(limited)
    .split('\n')
    .filter((line) => /^ *\d+\. /.test(line));
  assert.deepEqual(titles, [
    ' 1. Reset the workers and give them back as they were found  [return-workers]  (DESTRUCTIVE, 10 at a time, at most 1h30m)',
    ' 2. Reset Kubernetes on m1  [reset-m1]  (DESTRUCTIVE, at most 1h30m, only if no node has failed before)',
    ' 3. Give m1 back as it was found  [clean-m1]  (DESTRUCTIVE, at most 1h30m, only if no node has failed before)',
  ]);
});
