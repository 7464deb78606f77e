import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { Problem } from '@seal/foundation';
import { agentProto, clusterProto, imageProto, nodeProto, operationProto, serverProto, tokenProto } from '@seal/protocol';
import { HealthImplementation } from 'grpc-health-check';

export interface Services {
  readonly agent: agentProto.AgentServiceServer;
  readonly cluster: clusterProto.ClusterServiceServer;
  readonly image: imageProto.ImageServiceServer;
  readonly node: nodeProto.NodeServiceServer;
  readonly operation: operationProto.OperationServiceServer;
  readonly server: serverProto.ServerServiceServer;
  readonly token: tokenProto.TokenServiceServer;
}

const maxMessageBytes = 16 * 1024 * 1024;

/**
 * A gRPC server with every service, health and reflection; one per endpoint (TLS port, unix socket). A peer that has been silent for two
 * heartbeats is asked, and gone when it does not answer within another one and a third: 50 s by default.
 */
export function makeGrpcServer(services: Services, heartbeatSeconds: number): Server {
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.keepalive_time_ms': heartbeatSeconds * 2000,
    'grpc.keepalive_timeout_ms': Math.round((heartbeatSeconds * 4000) / 3),
    // A live agent may ping every 10 s.
    'grpc.http2.min_ping_interval_without_data_ms': 10_000,
  });
  server.addService(agentProto.AgentServiceService, services.agent);
  server.addService(clusterProto.ClusterServiceService, services.cluster);
  server.addService(imageProto.ImageServiceService, services.image);
  server.addService(nodeProto.NodeServiceService, services.node);
  server.addService(operationProto.OperationServiceService, services.operation);
  server.addService(serverProto.ServerServiceService, services.server);
  server.addService(tokenProto.TokenServiceService, services.token);
  new HealthImplementation({ '': 'SERVING', 'seal.v1.ClusterService': 'SERVING' }).addToServer(server);
  reflectionService().addToServer(server);
  return server;
}

/** Listens. Problem: PORT_IN_USE naming the address. */
export function bindGrpc(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (!error) return resolve(port);
      reject(new Problem('PORT_IN_USE', `cannot listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
}

function reflectionService(): ReflectionService {
  // Beside the bundle in an installed server, at the top of the tree when run from sources.
  const beside = fileURLToPath(new URL('./proto', import.meta.url));
  const directory = existsSync(beside) ? beside : fileURLToPath(new URL('../../../proto', import.meta.url));
  const names = ['agent', 'cluster', 'image', 'node', 'operation', 'server', 'token'];
  const files = names.map((name) => join(directory, 'seal/v1', `${name}.proto`));
  return new ReflectionService(loadSync(files, { includeDirs: [directory], keepCase: true }));
}
