import type { Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';

/** One connection to the server, as a port: gRPC outside, memory in tests and simulations. */
export interface Connection {
  /** Messages arrive in this order or not at all. Nothing happens on a closed connection. */
  send(message: agentProto.AgentMessage): void;
  /** Ends the connection; `closed` is called all the same. */
  close(): void;
}

export interface ConnectionEvents {
  message(message: agentProto.ServerMessage): void;
  /** Called once, with the reason when it was not asked for. */
  closed(problem: Problem | undefined): void;
}

export interface Transport {
  /** Begins a connection at once; whether it comes to life is seen by its messages. */
  open(events: ConnectionEvents): Connection;
}
