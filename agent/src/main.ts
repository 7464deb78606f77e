import { join } from 'node:path';
import { Problem } from '@seal/foundation';
import { Command, CommanderError, Option } from 'commander';
import { destination, pino } from 'pino';
import { agentVersion } from './agent-version.ts';
import { startAgent } from './compose.ts';
import { type AgentSettings, loadConfig } from './config.ts';
import { readStatus } from './host/status-socket.ts';

interface Flags {
  readonly config?: string;
  readonly server?: string;
  readonly grpcPort?: number;
  readonly httpsPort?: number;
  readonly stateDir?: string;
  readonly dataRoot?: string;
  readonly logLevel?: AgentSettings['logLevel'];
}

const program = new Command('seal-agent')
  .description(
    "Acts on this node for a Seal server. Needs root; opens no port; logs to stderr. 'sealctl token create' on the server prints the line that installs it.",
  )
  .version(agentVersion)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

withFlags(program.command('run').description('Connect to the server and do what it asks, until stopped')).action(
  async (flags: Flags) => {
    // What ps and systemctl show; Node calls its main thread MainThread.
    process.title = 'seal-agent';
    const config = loadConfig(sourcesOf(flags));
    // Synchronous: what is logged right before the process ends must not be lost.
    const log = pino({ level: config.logLevel, base: null }, destination({ dest: 2, sync: true }));
    const stop = await startAgent(config, log);
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        stop().then(() => process.exit(0), fail);
      });
  },
);

withFlags(program.command('status').description('Show whether the agent runs and is connected (exit code 0), as JSON')).action(
  async (flags: Flags) => {
    const config = loadConfig(sourcesOf(flags));
    const status = await readStatus(join(config.stateDirectory, 'agent.sock'));
    process.stdout.write(`${JSON.stringify(status ?? { running: false })}\n`);
    if (!status) process.exitCode = 5;
    else if (status.connected !== true) process.exitCode = 7;
  },
);

// A running agent does without the libraries of enrolment.
if (process.argv[2] !== 'run') (await import('./enrol/enrol-command.ts')).addEnrolCommand(program);

await program.parseAsync().catch(fail);

function withFlags(command: Command): Command {
  const port = (value: string) => Number(value);
  return command
    .option('--config <file>', 'settings (default /etc/seal/agent.yaml)')
    .option('--server <host>', 'host name or address of the server (default, as for the ports: the one enrolled with)')
    .option('--grpc-port <port>', 'port of the session', port)
    .option('--https-port <port>', 'port of blobs', port)
    .option('--state-dir <directory>', 'identity, journal, output and layers (default /var/lib/seal/agent)')
    .option('--data-root <directory>', 'rootfs of clusters (default /var/lib/seal/data)')
    .addOption(new Option('--log-level <level>', 'default info').choices(['debug', 'info', 'warn', 'error', 'silent']));
}

function sourcesOf({ config, stateDir, ...flags }: Flags): Parameters<typeof loadConfig>[0] {
  return { flags: { ...flags, stateDirectory: stateDir }, path: config };
}

/** Says what went wrong and ends with the exit code that follows from it. */
function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  const problem = Problem.from(error);
  process.stderr.write(`seal-agent: ${problem.code}: ${problem.message}\n${problem.remedy}\n`);
  if (problem.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(problem.exitCode);
}
