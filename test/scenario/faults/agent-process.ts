import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withAgentDirectory } from '../../../agent/src/testing/local-runner.ts';
import { ServerDouble } from '../../../agent/src/testing/server-double.ts';
import { pollUntil } from '../../hosts/index.ts';

const program = fileURLToPath(new URL('../../../agent/src/main.ts', import.meta.url));

export interface AgentProcess {
  readonly directory: string;
  readonly server: ServerDouble;
  /** Kills the agent and starts it again. */
  restart(): Promise<void>;
}

/** The agent's program on loopback, connected to a double of the server over gRPC and mutual TLS. */
export async function withAgentProcess(body: (agent: AgentProcess) => Promise<void>): Promise<void> {
  await withAgentDirectory(async (directory) => {
    const server = await ServerDouble.start();
    await server.enrol(directory);
    const config = join(directory, 'agent.yaml');
    const settings = { stateDirectory: directory, runDirectory: join(directory, 'run'), dataRoot: join(directory, 'data') };
    writeFileSync(config, JSON.stringify({ ...settings, hostsFile: join(directory, 'hosts') }));
    let child: ChildProcess | undefined;
    let log = '';
    const start = async () => {
      const sessions = server.sessions;
      const started = spawn(process.execPath, [program, 'run', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
      started.stderr.on('data', (data) => {
        log += data;
      });
      child = started;
      await pollUntil(() => server.sessions > sessions || undefined, {
        timeoutSeconds: 30,
        describe: () => `no session: ${log}`,
      });
    };
    const kill = async () => {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    };
    try {
      await start();
      await body({
        directory,
        server,
        restart: async () => {
          await kill();
          await start();
        },
      });
    } finally {
      await kill();
      server.stop();
    }
  });
}
