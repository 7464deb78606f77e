import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RateLimit } from './rate-limit.ts';

function limited(burst: number, perSecond: number) {
  let now = 0;
  const clock = { now: () => now, setTimer: () => () => undefined };
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { limit: new RateLimit({ clock, burst, perSecond }), pass };
}

const refused = { code: 'RATE_LIMITED' };

describe('rate limit', () => {
  it('lets a burst through and then so many per second', () => {
    const { limit, pass } = limited(2, 4);
    limit.take('10.0.0.1');
    limit.take('10.0.0.1');
    assert.throws(() => limit.take('10.0.0.1'), refused);
    pass(250);
    limit.take('10.0.0.1');
    assert.throws(() => limit.take('10.0.0.1'), refused);
    pass(60_000);
    limit.take('10.0.0.1');
    limit.take('10.0.0.1');
    assert.throws(() => limit.take('10.0.0.1'), refused);
  });

  it('counts each address for itself, and all of an IPv6 /64 as one', () => {
    const { limit } = limited(1, 0);
    limit.take('10.0.0.1');
    limit.take('10.0.0.2');
    assert.throws(() => limit.take('::ffff:10.0.0.1'), refused);
    limit.take('fd00:0:0:1::1');
    assert.throws(() => limit.take('fd00:0:0:1::2'), refused);
    limit.take('fd00:0:0:2::1');
  });

  it('is not outwitted by a clock that was set back', () => {
    const { limit, pass } = limited(1, 1);
    limit.take('10.0.0.1');
    pass(-3_600_000);
    assert.throws(() => limit.take('10.0.0.1'), refused);
    pass(1000);
    limit.take('10.0.0.1');
  });
});
