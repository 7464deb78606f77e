import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, Problem, type Random } from '@seal/foundation';
import type { Log } from '../runner/runner-ports.ts';
import type { AgentProtocol } from './agent-protocol.ts';
import { backoffMs } from './backoff.ts';
import { keepConnected } from './keep-connected.ts';
import type { ConnectionEvents, Transport } from './transport.ts';

/** Time that passes when the test says so. */
class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async pass(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    for (const timer of this.#timers)
      if (timer.at <= this.#now) {
        this.#timers.delete(timer);
        timer.callback();
      }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function world() {
  const connections: { events: ConnectionEvents; closed: boolean }[] = [];
  const transport: Transport = {
    open(events) {
      const connection = { events, closed: false };
      connections.push(connection);
      const close = () => {
        if (connection.closed) return;
        connection.closed = true;
        events.closed(undefined);
      };
      return { send: () => undefined, close };
    },
  };
  let welcome: (() => void) | undefined;
  const protocol = {
    connected: async (_send: unknown, onWelcome: () => void) => {
      welcome = onWelcome;
    },
    disconnected: () => undefined,
    receive: async () => undefined,
  } as unknown as AgentProtocol;
  const warnings: string[] = [];
  const silent = () => undefined;
  const log: Log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (fields) => void warnings.push((fields as { reason: string }).reason),
  };
  const random: Random = { bytes: () => new Uint8Array(), fraction: () => 0.999 };
  const clock = new ManualClock();
  const stop = new AbortController();
  const session = keepConnected({ transport, protocol, clock, random, log }, stop.signal);
  const cut = async (reason = 'connection refused') => {
    const last = connections.at(-1);
    if (last) last.closed = true;
    last?.events.closed(new Problem('SERVER_UNREACHABLE', reason));
    await clock.pass(0);
  };
  return { connections, clock, session, stop, warnings, cut, welcome: () => welcome?.() };
}

test('an unreachable server is tried for ever, more and more seldom, and logged once per reason', async () => {
  const { connections, clock, cut, warnings, stop } = world();
  const waits: number[] = [];
  for (let tries = 0; tries < 8; tries += 1) {
    await cut(tries < 6 ? 'connection refused' : 'certificate expired');
    const before = connections.length;
    let waited = 0;
    for (; connections.length === before; waited += 500) await clock.pass(500);
    waits.push(waited);
  }
  stop.abort();
  assert.deepEqual(waits, [2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000]);
  assert.deepEqual(warnings, ['connection refused', 'certificate expired']);
});

test('after a session that was welcomed the first try comes within a second', async () => {
  const { connections, clock, cut, welcome, session, stop } = world();
  for (let tries = 0; tries < 5; tries += 1) {
    await cut();
    await clock.pass(30_000);
  }
  welcome();
  assert.equal(session.connected, true);
  const before = connections.length;
  await cut();
  assert.equal(session.connected, false);
  await clock.pass(1000);
  stop.abort();
  assert.equal(connections.length, before + 1);
});

test('a server that says nothing is left after 30 s', async () => {
  const { connections, clock, stop } = world();
  await clock.pass(29_999);
  assert.equal(connections.length, 1);
  await clock.pass(1);
  assert.equal(connections[0]?.closed, true);
  stop.abort();
});

test('a wanted reconnect happens at once', async () => {
  const { connections, clock, session, welcome, warnings, stop } = world();
  await clock.pass(0);
  welcome();
  session.reconnect();
  await clock.pass(0); // the end is noticed
  await clock.pass(0); // and no time has to pass
  assert.equal(connections.length, 2);
  assert.deepEqual(warnings, []);
  stop.abort();
});

test('agents that lost their server together come back spread over the whole interval', () => {
  const waits = [0, 0.25, 0.5, 0.75].map((fraction) => backoffMs(5, { bytes: () => new Uint8Array(), fraction: () => fraction }));
  assert.deepEqual(waits, [0, 7500, 15000, 22500]);
});
