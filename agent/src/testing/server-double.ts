import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { type Authority, createAuthority, createKeyPair, readCsr, writePrivateFile } from '@seal/pki';
import type { Step } from '@seal/plan';
import { agentProto, stepToWire } from '@seal/protocol';

const { session, renewCertificate } = agentProto.AgentServiceService;
/** Whose messages may be written as bytes too. */
const serviceOfBytes = {
  renewCertificate,
  session: {
    ...session,
    responseSerialize: (message: agentProto.ServerMessage | Uint8Array) =>
      message instanceof Uint8Array ? Buffer.from(message) : session.responseSerialize(message),
  },
};

type Stream = ServerDuplexStream<agentProto.AgentMessage, agentProto.ServerMessage>;

/** A server for one agent: real gRPC and HTTPS with mutual TLS on loopback, acknowledging like the real one unless told otherwise. */
export class ServerDouble {
  readonly messages: agentProto.AgentMessage[] = [];
  /** Output as received, by step. */
  readonly output = new Map<string, Buffer>();
  /** Where the next byte of each stream belongs; further than what is kept where the agent dropped something. */
  readonly #outputEnds = new Map<string, number>();
  readonly blobs = new Map<string, Buffer>();
  readonly ranges: (string | undefined)[] = [];
  /** Bytes after which the next blob answer is cut. */
  cutAfter: number | undefined;
  sessions = 0;
  renewals = 0;
  readonly #authority: Authority;
  readonly #tls: { key: string; cert: string };
  #grpc: Server | undefined;
  #https: HttpsServer | undefined;
  #stream: Stream | undefined;
  grpcPort = 0;
  httpsPort = 0;

  private constructor(authority: Authority, tls: { key: string; cert: string }) {
    this.#authority = authority;
    this.#tls = tls;
  }

  static async start(): Promise<ServerDouble> {
    const authority = await createAuthority({ commonName: 'seal test CA' });
    const { privateKeyPem, publicKeyPem } = await createKeyPair();
    const publicKey = createPublicKey(publicKeyPem);
    const leaf = {
      publicKey,
      commonName: 'server',
      usages: ['server'] as const,
      addresses: ['127.0.0.1'],
      lifetimeSeconds: 3600,
    };
    const server = new ServerDouble(authority, { key: privateKeyPem, cert: (await authority.issue(leaf)).pem });
    await server.startGrpc();
    await server.#startHttps();
    return server;
  }

  /** What enrolment would have left. */
  async enrol(stateDirectory: string, lifetimeSeconds = 3600): Promise<void> {
    const { privateKeyPem } = await createKeyPair();
    const certificate = await this.#issue(createPublicKey(createPrivateKey(privateKeyPem)), lifetimeSeconds);
    const host = { host: '127.0.0.1', grpcPort: this.grpcPort, httpsPort: this.httpsPort, nodeId: 'node-1', nodeName: 'n1' };
    const files = { 'node.key': privateKeyPem, 'node.crt': certificate, 'ca.crt': this.#authority.certificatePem };
    for (const [name, content] of Object.entries({ ...files, 'server.json': JSON.stringify(host) }))
      writePrivateFile(join(stateDirectory, 'identity', name), content);
  }

  async startGrpc(): Promise<void> {
    const { key, cert } = this.#tls;
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
    const credentials = ServerCredentials.createSsl(Buffer.from(this.#authority.certificatePem), [pair], true);
    const server = new Server();
    const implementation: agentProto.AgentServiceServer = {
      session: (call) => this.#session(call),
      renewCertificate: (call, callback) => void this.#renew(call.request).then((reply) => callback(null, reply), callback),
    };
    server.addService(serviceOfBytes, implementation);
    this.grpcPort = await new Promise((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.grpcPort}`, credentials, (error, port) => (error ? reject(error) : resolve(port)));
    });
    this.#grpc = server;
  }

  /** The server is gone, as after a kill. */
  stopGrpc(): void {
    this.#grpc?.forceShutdown();
  }

  stop(): void {
    this.stopGrpc();
    this.#https?.close();
    this.#https?.closeAllConnections();
  }

  /** Sends bytes in the place of a message, as a server of another version would. */
  sendBytes(bytes: Uint8Array): void {
    this.#stream?.write(bytes as unknown as agentProto.ServerMessage);
  }

  send(message: agentProto.ServerMessage): void {
    this.#stream?.write(message);
  }

  run(step: Step, attempt = 1): void {
    this.#stream?.write({ run: { operation: 'op', step: stepToWire(step), attempt, epoch: 1, secrets: {} } });
  }

  #session(stream: Stream): void {
    this.#stream = stream;
    stream.on('error', () => undefined); // the agent was killed, as told
    stream.on('data', (message: agentProto.AgentMessage) => {
      this.messages.push(message);
      this.#answer(stream, message);
    });
    stream.on('end', () => stream.end());
  }

  #answer(stream: Stream, { hello, output, finished }: agentProto.AgentMessage): void {
    if (hello) {
      this.sessions += 1;
      const welcome = { serverVersion: 't', epoch: 1, heartbeatSeconds: 1, nodeId: 'node-1', nodeName: 'n1', nowMs: Date.now() };
      stream.write({ welcome: { ...welcome, outputWindowBytes: 262144 } });
    }
    if (output) {
      const { step, attempt, stream: number, offset, data, droppedBytes } = output;
      const key = `${step}/${number}`;
      const end = this.#outputEnds.get(key) ?? 0;
      // As the server does: what is there already is passed over, and a hole counts only when it was declared.
      if (offset - end <= droppedBytes && offset + data.byteLength > end) {
        const fresh = offset < end ? data.subarray(end - offset) : data;
        this.output.set(key, Buffer.concat([this.output.get(key) ?? Buffer.alloc(0), fresh]));
        this.#outputEnds.set(key, offset + data.byteLength);
      }
      stream.write({ outputAck: { step, attempt, stream: number, offset: this.#outputEnds.get(key) ?? 0 } });
    }
    if (finished) stream.write({ finishedAck: { step: finished.step, attempt: finished.attempt } });
  }

  async #renew({ csrPem }: agentProto.RenewCertificateRequest): Promise<agentProto.RenewCertificateReply> {
    this.renewals += 1;
    const certificatePem = await this.#issue((await readCsr(csrPem)).publicKey, 3600);
    const expiresAtMs = new X509Certificate(certificatePem).validToDate.getTime();
    return { certificatePem, caPem: this.#authority.certificatePem, expiresAtMs };
  }

  async #issue(publicKey: KeyObject, lifetimeSeconds: number): Promise<string> {
    const leaf = { publicKey, commonName: 'node-1', organization: 'seal:agents', usages: ['client'] as const, lifetimeSeconds };
    return (await this.#authority.issue(leaf)).pem;
  }

  async #startHttps(): Promise<void> {
    const ca = this.#authority.certificatePem;
    const server = createServer(
      { ...this.#tls, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
      (request, response) => {
        const blob = this.blobs.get(request.url?.split('/').at(-1) ?? '');
        this.ranges.push(request.headers.range);
        if (!blob) return response.writeHead(404).end();
        const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        response.writeHead(start > 0 ? 206 : 200, { 'content-length': blob.length - start });
        const end = this.cutAfter;
        this.cutAfter = undefined;
        if (end === undefined) return response.end(blob.subarray(start));
        response.write(blob.subarray(start, end), () => setTimeout(() => response.destroy(), 50));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#https = server;
    this.httpsPort = (server.address() as AddressInfo).port;
  }
}
