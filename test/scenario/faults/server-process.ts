import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyPair, makeCsr } from '@seal/pki';
import { connect, type SealClient } from '@seal/protocol';
import { pino } from 'pino';
import type { Identity } from '../../../agent/src/session/identity.ts';
import { composeCore } from '../../../server/src/compose.ts';
import { readConfig } from '../../../server/src/config.ts';
import { pollUntil } from '../../hosts/index.ts';

const program = fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url));

/** An enrolled node, with what it proves itself with. */
export interface EnrolledAgent {
  readonly name: string;
  readonly address: string;
  readonly identity: Identity;
}

/** The server's program on loopback, on a state directory of its own in which agents are enrolled already. */
export class ServerProcess {
  readonly agents: readonly EnrolledAgent[];
  readonly grpcPort: number;
  readonly client: SealClient;
  log = '';
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(flags: readonly string[], grpcPort: number, directory: string, agents: readonly EnrolledAgent[]) {
    this.#flags = flags;
    this.grpcPort = grpcPort;
    this.agents = agents;
    const run = join(directory, 'run');
    this.client = connect({ kind: 'local', grpcSocket: join(run, 'server.sock'), httpSocket: join(run, 'http.sock') });
  }

  static async prepare(directory: string, agents: number): Promise<ServerProcess> {
    const [grpcPort, httpsPort] = [await freePort(), await freePort()];
    const settings = {
      address: '127.0.0.1',
      grpcPort,
      httpsPort,
      stateDirectory: directory,
      runDirectory: join(directory, 'run'),
    };
    const enrolled = await enrol(settings, agents);
    const flags = [
      ...['--address', '127.0.0.1', '--grpc-port', String(grpcPort), '--https-port', String(httpsPort)],
      ...['--state-directory', directory, '--run-directory', settings.runDirectory],
    ];
    return new ServerProcess(flags, grpcPort, directory, enrolled);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [program, ...this.#flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (data) => {
      this.log += data;
    });
    const answers = () =>
      this.client.nodes.listNodes({}).then(
        () => true as const,
        () => undefined,
      );
    await pollUntil(answers, { timeoutSeconds: 90, describe: () => `the server does not answer: ${this.log.slice(-2000)}` });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

/** Through the server's own enrolment, before it runs as a process. */
async function enrol(settings: Record<string, unknown>, count: number): Promise<EnrolledAgent[]> {
  const core = await composeCore(readConfig(settings, '/nonexistent'), pino({ level: 'silent' }), 'test');
  const { token, value } = await core.tokens.create({ maxUses: count }, 'test');
  const secret = value.split('.')[2] ?? '';
  const agents: EnrolledAgent[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `node-${index + 1}`;
    const { privateKey, privateKeyPem, spkiSha256 } = await createKeyPair();
    const request = {
      ...{ requestId: `sha256:${spkiSha256}`, tokenId: token.id, secret, csr: await makeCsr(privateKey, name) },
      ...{ hostname: name, machineId: '' },
    };
    const { certificate, ca } = await core.enrolment.enrol(request, '127.0.0.1');
    const address = `10.9.${Math.floor(index / 250)}.${1 + (index % 250)}`;
    agents.push({ name, address, identity: { keyPem: privateKeyPem, certificatePem: certificate, caPem: ca } });
  }
  await core.store.close();
  core.unlock();
  return agents;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
