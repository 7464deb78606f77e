import { createSecureContext } from 'node:tls';
import { type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { Problem } from '@seal/foundation';
import { agentProto } from '@seal/protocol';
import type { Identity } from './identity.ts';
import type { Connection, ConnectionEvents, Transport } from './transport.ts';

/** A client of the server's AgentService, with the node's certificate. `server` is host:port. */
export function agentServiceClient(server: string, identity: Identity): agentProto.AgentServiceClient {
  const { caPem, keyPem, certificatePem } = identity;
  const context = createSecureContext({ ca: caPem, key: keyPem, cert: certificatePem, minVersion: 'TLSv1.3' });
  return new agentProto.AgentServiceClient(server, credentials.createFromSecureContext(context), {
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
    'grpc.enable_retries': 0,
  });
}

/** Sessions over gRPC with mutual TLS 1.3. Each takes the identity that holds when it begins. */
export function grpcTransport(server: string, identity: () => Identity): Transport {
  return { open: (events) => open(server, identity(), events) };
}

function open(server: string, identity: Identity, events: ConnectionEvents): Connection {
  const client = agentServiceClient(server, identity);
  const call: ClientDuplexStream<agentProto.AgentMessage, agentProto.ServerMessage> = client.session();
  let open = true;
  const close = (problem: Problem | undefined) => {
    if (!open) return;
    open = false;
    call.cancel();
    client.close();
    events.closed(problem);
  };
  call.on('data', (message: agentProto.ServerMessage) => {
    if (open) events.message(message);
  });
  call.on('error', (error: ServiceError) => close(asProblem(error, server)));
  call.on('end', () => close(new Problem('SERVER_UNREACHABLE', `the server ${server} ended the connection`)));
  return {
    send(message) {
      if (open) call.write(message);
    },
    close: () => queueMicrotask(() => close(undefined)),
  };
}

function asProblem(error: ServiceError, server: string): Problem {
  if (error.code === status.UNAUTHENTICATED || error.code === status.PERMISSION_DENIED)
    return new Problem('AGENT_NOT_ENROLLED', `the server ${server} does not admit this agent: ${error.details}`, {
      cause: error,
    });
  return new Problem('SERVER_UNREACHABLE', `no connection to the server ${server}: ${error.details}`, { cause: error });
}
