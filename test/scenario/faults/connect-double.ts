import { setTimeout as sleep } from 'node:timers/promises';
import { systemRandom } from '@seal/foundation';
import { backoffMs } from '../../../agent/src/session/backoff.ts';
import { grpcTransport } from '../../../agent/src/session/grpc-transport.ts';
import type { Identity } from '../../../agent/src/session/identity.ts';
import type { Connection } from '../../../agent/src/session/transport.ts';
import type { AgentDouble } from './agent-double.ts';

/** Keeps a double connected over the agent's own transport (gRPC, mutual TLS) and with its own back-off. Returns what ends that. */
export function connectDouble(double: AgentDouble, server: string, identity: Identity): () => void {
  let stopped = false;
  let connection: Connection | undefined;
  const once = () =>
    new Promise<boolean>((resolve) => {
      const before = double.welcomes;
      const opened = grpcTransport(server, () => identity).open({
        message: (message) => double.receive(message, (answer) => opened.send(answer)),
        closed: () => resolve(double.welcomes > before),
      });
      connection = opened;
      opened.send(double.hello());
    });
  const run = async () => {
    for (let failures = 0; !stopped; ) {
      failures = (await once()) ? 0 : failures + 1;
      if (!stopped) await sleep(backoffMs(failures, systemRandom));
    }
  };
  void run();
  return () => {
    stopped = true;
    connection?.close();
  };
}
