import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from './clock.ts';

it('a timer of more than 24 days does not end at once', async () => {
  let ended = false;
  const cancel = systemClock.setTimer(2 ** 31 + 1000, () => {
    ended = true;
  });
  await delay(50);
  assert.equal(ended, false);
  cancel();
});
