import { type Clock, Problem, type Random, sleep } from '@seal/foundation';
import type { Log } from '../runner/runner-ports.ts';
import type { AgentProtocol } from './agent-protocol.ts';
import { backoffMs } from './backoff.ts';
import type { Connection, Transport } from './transport.ts';

/** A connection that was not welcomed by then is given up. */
const welcomeMs = 30_000;

export interface SessionPorts {
  readonly transport: Transport;
  readonly protocol: AgentProtocol;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The agent's one connection while it lasts. */
export interface Session {
  /** True between Welcome and the end of a connection. */
  readonly connected: boolean;
  /** Ends the present connection and makes a new one at once (a new certificate); steps notice nothing. */
  reconnect(): void;
}

interface Ended {
  readonly welcomed: boolean;
  readonly problem: Problem | undefined;
}

/**
 * Connects to the server, again and for ever, until `signal` is aborted. Logs each change of state once, not each try.
 */
export function keepConnected(ports: SessionPorts, signal: AbortSignal): Session {
  const state = { connected: false, connection: undefined as Connection | undefined, hurry: false };
  const run = async () => {
    let failures = 0;
    let reported: string | undefined;
    while (!signal.aborted) {
      const { welcomed, problem } = await oneConnection(ports, state, signal);
      if (signal.aborted) return;
      failures = welcomed ? 0 : failures + 1;
      if (welcomed) reported = undefined;
      const reason = problem?.message ?? 'closed';
      const delayMs = state.hurry ? 0 : backoffMs(failures, ports.random);
      if (!state.hurry && reported !== reason)
        ports.log.warn(
          { code: problem?.code, reason, remedy: problem?.remedy },
          'not connected to the server; trying again for ever',
        );
      reported = reason;
      state.hurry = false;
      await sleep(ports.clock, delayMs, signal).catch(() => undefined); // rejects only when aborted: the loop ends
    }
  };
  void run();
  return {
    get connected() {
      return state.connected;
    },
    reconnect() {
      state.hurry = true;
      state.connection?.close();
    },
  };
}

function oneConnection(
  { transport, protocol, clock }: SessionPorts,
  state: { connected: boolean; connection: Connection | undefined },
  signal: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    let welcomed = false;
    let problem: Problem | undefined;
    const give = (reason: Problem) => {
      problem ??= reason;
      connection.close();
    };
    const cancelWait = clock.setTimer(welcomeMs, () => {
      give(new Problem('SERVER_UNREACHABLE', `the server did not welcome this agent within ${welcomeMs / 1000} s`));
    });
    const stop = () => connection.close();
    const connection = transport.open({
      message: (message) => void protocol.receive(message),
      closed: (reason) => {
        cancelWait();
        signal.removeEventListener('abort', stop);
        state.connected = false;
        state.connection = undefined;
        protocol.disconnected();
        resolve({ welcomed, problem: problem ?? reason });
      },
    });
    state.connection = connection;
    signal.addEventListener('abort', stop, { once: true });
    const onWelcome = () => {
      welcomed = true;
      state.connected = true;
      cancelWait();
    };
    protocol.connected((message) => connection.send(message), onWelcome).catch((error) => give(Problem.from(error)));
  });
}
