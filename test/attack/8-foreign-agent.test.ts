import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { makePhases, type NodeFacts, type Plan } from '@seal/plan';
import { type agentProto, operationProto } from '@seal/protocol';
import { enrolledAgent, type RealServer, startRealServer } from './real-server.ts';

type Stream = ClientDuplexStream<agentProto.AgentMessage, agentProto.ServerMessage>;

const facts: NodeFacts = {
  ...{ hostname: 'x', addresses: ['10.9.9.9'], arch: 'amd64', machineId: '', bootId: 'b', cpus: 1, memoryBytes: 1, swapBytes: 0 },
  ...{
    os: { id: 'debian', version: '12', kernel: '6' },
    diskFreeBytes: 1,
    listeningPorts: [],
    rootfs: [],
    takenAt: 0,
    agentVersion: 't',
  },
};

describe("attack 8: agent A on agent B's stream or results", () => {
  let server: RealServer;
  const streams: Stream[] = [];
  before(async () => {
    server = await startRealServer();
  });
  after(async () => {
    for (const stream of streams) stream.cancel();
    await server.stop();
  });

  const open = (client: agentProto.AgentServiceClient): Stream => {
    const stream = client.session();
    stream.on('error', () => undefined);
    streams.push(stream);
    stream.write({ hello: { agentVersion: 't', bootId: 'b', facts: { ...facts }, steps: [] } });
    return stream;
  };
  const next = (stream: Stream, kind: keyof agentProto.ServerMessage) =>
    new Promise<agentProto.ServerMessage>((resolve) => {
      const look = (message: agentProto.ServerMessage) => {
        if (message[kind] === undefined) return;
        stream.off('data', look);
        resolve(message);
      };
      stream.on('data', look);
    });

  it("cannot report a result or output for another node's step", async () => {
    const a = await enrolledAgent(server, 'host-a');
    const b = await enrolledAgent(server, 'host-b');
    const [streamA, streamB] = [open(a.client), open(b.client)];
    await Promise.all([next(streamA, 'welcome'), next(streamB, 'welcome')]);
    const ran = next(streamB, 'run');
    const step = {
      title: 'one',
      node: b.nodeId,
      kind: 'run-command',
      args: { argv: ['true'], env: {} },
      effect: 'idempotent',
      timeoutSeconds: 60,
    } as const;
    const nodes = [{ id: b.nodeId, name: 'host-b', ip: '10.9.9.9', role: 'none' as const }];
    const phases = makePhases('p', [{ name: 'only', title: '', steps: [step] }]);
    const plan: Plan = { id: 'p', kind: 'exec', cluster: '', baseRevision: 0, summary: 's', nodes, phases };
    const operation = await server.core.starter.start({ plan }, 'test');
    const id = (await ran).run?.step?.id ?? '';

    const answered = next(streamA, 'finishedAck');
    const finished = {
      step: id,
      attempt: 1,
      outcome: 'SUCCEEDED',
      exitCode: 0,
      problem: undefined,
      durationMs: 1,
      stdoutBytes: 0,
      stderrBytes: 0,
    };
    streamA.write({ output: { step: id, attempt: 1, stream: 1, offset: 0, data: Buffer.from('forged'), droppedBytes: 0 } });
    streamA.write({ finished });
    await answered;
    const { view } = await server.core.log.read(operation);
    assert.equal(view.steps.get(id)?.status, 'DISPATCHED');
    assert.deepEqual(await server.core.store.outputs(operation, 0, 10), []);

    const acknowledged = next(streamB, 'finishedAck');
    streamB.write({ finished });
    await acknowledged;
    assert.equal((await server.core.log.read(operation)).view.steps.get(id)?.status, 'SUCCEEDED');
  });

  it('cannot call what operators call', async () => {
    const { client } = await enrolledAgent(server, 'host-c');
    const method = operationProto.OperationServiceService.listOperations;
    const code = await new Promise<number | undefined>((resolve) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { cluster: '', limit: 0 },
        (error) => resolve(error?.code),
      );
    });
    assert.equal(code, status.PERMISSION_DENIED);
  });

  it('a stranger without a certificate does not get past the handshake', async () => {
    const channel = credentials.createSsl(Buffer.from(server.core.identity.caPem));
    const client = new operationProto.OperationServiceClient(`127.0.0.1:${server.grpcPort}`, channel);
    const code = await new Promise<number | undefined>((resolve) => {
      client.listOperations({ cluster: '', limit: 0 }, new Metadata(), { deadline: Date.now() + 5000 }, (error) =>
        resolve(error?.code),
      );
    });
    client.close();
    assert.ok(code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED, `code ${code}`);
  });
});
