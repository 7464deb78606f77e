import { accessSync, constants, mkdirSync } from 'node:fs';
import { Problem } from '@seal/foundation';
import { Command, CommanderError } from 'commander';
import { pino } from 'pino';
import { composeCore } from './compose.ts';
import { readConfig } from './config.ts';
import { runServer } from './run-server.ts';

// What ps and systemctl show; Node calls its main thread MainThread.
process.title = 'seal-server';

const version = process.env.SEAL_VERSION ?? '0.0.0-source';

const program = new Command('seal-server')
  .description(
    'The coordinator of Seal: holds cluster state, plans, and pushes steps to the agents. Run by the unit seal-server.',
  )
  .version(version)
  .option('--config <file>', 'configuration file (default: /etc/seal/server.yaml, which may be missing)')
  .option('--address <address>', 'address or name under which agents and operators reach this machine')
  .option('--grpc-port <port>', 'port of gRPC (default: 7443)', Number)
  .option('--https-port <port>', 'port of HTTPS (default: 7444)', Number)
  .option('--state-directory <path>', 'where state is kept (default: /var/lib/seal/server)')
  .option('--run-directory <path>', 'where the local sockets are (default: /run/seal)')
  .option('--agents-directory <path>', "where the agents' archives are (default: /usr/local/lib/seal/server/agents)")
  .option('--log-level <level>', 'trace, debug, info, warn or error (default: info)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 ended as told, 2 wrong use, 3 bad configuration, 5 the state directory is in use or damaged, 6 no permission, 7 cannot listen, 70 a bug.',
  );

main().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const problem = Problem.from(error);
  process.stderr.write(`${problem.code}: ${problem.message}\n${problem.remedy}\n`);
  if (problem.code === 'INTERNAL') process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(problem.exitCode);
});

async function main(): Promise<void> {
  const { config: file, ...flags } = program.parse().opts<{ config?: string }>();
  const config = readConfig(flags, file, file !== undefined);
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  makeStateDirectory(config.stateDirectory);
  const stop = await runServer(await composeCore(config, logger, version));
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'did not stop in good order');
          process.exit(1);
        },
      );
    });
}

function makeStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.W_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem('NOT_ROOT', `user id ${process.getuid?.()} cannot write to ${directory}: ${why}`, {
      remedy:
        'Start it by its unit ("systemctl start seal-server"), as root, or with --state-directory and --run-directory of your own.',
      cause: error,
    });
  }
}
