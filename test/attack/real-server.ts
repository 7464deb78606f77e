import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { createKeyPair, keyDigest, makeCsr, parseBootstrapToken } from '@seal/pki';
import { agentProto } from '@seal/protocol';
import { pino } from 'pino';
import { type Core, composeCore } from '../../server/src/compose.ts';
import { runServer } from '../../server/src/run-server.ts';

/** The whole real server in this process, on loopback, with its state in a folder of its own. */
export interface RealServer {
  readonly core: Core;
  readonly grpcPort: number;
  readonly httpsPort: number;
  stop(): Promise<void>;
}

export async function startRealServer(): Promise<RealServer> {
  const directory = mkdtempSync(join(tmpdir(), 'seal-attack-'));
  const [grpcPort, httpsPort] = [await freePort(), await freePort()];
  const config = {
    ...{
      address: '127.0.0.1',
      grpcPort,
      httpsPort,
      heartbeatSeconds: 15,
      agentGraceSeconds: 600,
      outputOperations: 500,
      outputDays: 30,
      logLevel: 'error' as const,
    },
    stateDirectory: directory,
    runDirectory: join(directory, 'run'),
    agentsDirectory: join(directory, 'agents'),
  };
  const core = await composeCore(config, pino({ level: 'silent' }), 'test');
  const stop = await runServer(core);
  return {
    ...{ core, grpcPort, httpsPort },
    stop: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Enrols a host of that name and gives a gRPC client with its certificate. */
export async function enrolledAgent(server: RealServer, hostname: string) {
  const { value } = await server.core.tokens.create({}, 'test');
  const token = parseBootstrapToken(value);
  const { privateKey, privateKeyPem } = await createKeyPair('ec');
  const csr = await makeCsr(privateKey, hostname);
  const reply = await server.core.enrolment.enrol(
    { requestId: keyDigest(createPublicKey(privateKey)), tokenId: token.id, secret: token.secret, csr, hostname, machineId: '' },
    '127.0.0.1',
  );
  const channel = credentials.createSsl(Buffer.from(reply.ca), Buffer.from(privateKeyPem), Buffer.from(reply.certificate));
  const client = new agentProto.AgentServiceClient(`127.0.0.1:${server.grpcPort}`, channel);
  return { nodeId: reply.nodeId, client };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
