import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Problem } from '@seal/foundation';
import type { agentProto } from '@seal/protocol';
import type { Caller } from '../identity/caller.ts';
import type { AgentLink, Sessions } from '../session/sessions.ts';
import { type ApiContext, asServiceError, type CallInfo, unary } from './guarded.ts';

export interface AgentServiceOptions extends ApiContext {
  readonly sessions: Sessions;
  /** A new certificate for the caller's own node from the public key of `csrPem`. */
  readonly renew: (nodeId: string, csrPem: string) => Promise<agentProto.RenewCertificateReply>;
}

/** The agents' side of the API. The node is the one that the client certificate names; nothing in a message can change that. */
export function agentService(options: AgentServiceOptions): agentProto.AgentServiceServer {
  return {
    session: (call) => openSession(options, call),
    renewCertificate: unary<agentProto.RenewCertificateRequest, agentProto.RenewCertificateReply>(
      options,
      async (request, caller) => options.renew(nodeIdOf(caller), request.csrPem),
    ),
  };
}

function openSession(
  options: AgentServiceOptions,
  call: ServerDuplexStream<agentProto.AgentMessage, agentProto.ServerMessage>,
): void {
  let ended = false;
  const fail = (thrown: unknown) => {
    if (ended) return;
    ended = true;
    call.emit('error', asServiceError(options, call.getPath(), thrown));
  };
  let caller: Caller;
  try {
    caller = options.guard(call as unknown as CallInfo);
  } catch (error) {
    fail(error);
    return;
  }
  const link: AgentLink = {
    nodeId: nodeIdOf(caller),
    nodeName: caller.name,
    send: (message) => {
      if (!ended) call.write(message);
    },
    close: fail,
  };
  const session = options.sessions.connect(link);
  // Backpressure: the stream is paused while a message is being made durable and more than a window of them waits.
  let waiting = 0;
  call.on('data', (message: agentProto.AgentMessage) => {
    waiting += 1;
    if (waiting > 256) call.pause();
    void session.receive(message).finally(() => {
      waiting -= 1;
      if (waiting === 128) call.resume();
    });
  });
  const closed = () => {
    ended = true;
    session.closed();
  };
  call.on('cancelled', closed);
  call.on('error', closed);
  call.on('end', () => {
    if (!ended) call.end();
    closed();
  });
}

function nodeIdOf(caller: Caller): string {
  if (caller.nodeId === undefined) throw new Problem('PERMISSION_DENIED', `${caller.name} is not an agent`);
  return caller.nodeId;
}
