import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '@seal/foundation';
import { StepActivity } from './step-activity.ts';

it('of an attempt that was just dispatched nothing was heard, whatever the one before it said', () => {
  const activity = new StepActivity({ ...systemClock, now: () => 7 });
  activity.heard('a', 1);
  assert.equal(activity.at('a', 1), 7);
  assert.equal(activity.at('a', 2), undefined);
  activity.heard('a', 2);
  assert.deepEqual([activity.at('a', 1), activity.at('a', 2)], [undefined, 7]);
  activity.ended('a');
  assert.equal(activity.at('a', 2), undefined);
});
