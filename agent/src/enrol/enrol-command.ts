import { readFileSync } from 'node:fs';
import { Problem, systemClock } from '@seal/foundation';
import { parseBootstrapToken } from '@seal/pki';
import type { Command } from 'commander';
import { agentVersion } from '../agent-version.ts';
import { enrol } from './enrol.ts';

interface Flags {
  readonly tokenFile: string;
  readonly server?: string;
  readonly stateDir: string;
  readonly nodeName?: string;
  readonly replace?: boolean;
}

/** Adds `seal-agent enrol`. The token comes from a file alone: arguments can be read by every user of the host. */
export function addEnrolCommand(program: Command): void {
  program
    .command('enrol')
    .description('Make this host a node of the server that a bootstrap token names (the install line does this)')
    .requiredOption('--token-file <file>', 'file with the bootstrap token')
    .option('--server <host:port>', "HTTPS address of the server (default: the token's)")
    .option('--state-dir <directory>', 'identity, journal, output and layers', '/var/lib/seal/agent')
    .option('--node-name <name>', 'name of the node (default: the host name)')
    .option('--replace', 'this host was reinstalled: take the place of the node of that name')
    .action(async ({ tokenFile, server, stateDir, nodeName, replace }: Flags) => {
      const enrolled = await enrol({
        token: parseBootstrapToken(readToken(tokenFile)),
        stateDirectory: stateDir,
        agentVersion,
        clock: systemClock,
        ...(server === undefined ? {} : { server }),
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(replace === undefined ? {} : { replace }),
      });
      const { nodeName: name, nodeId, host, already } = enrolled;
      process.stdout.write(`seal: this host is ${already ? 'already ' : ''}the node ${name} (${nodeId}) of the server ${host}\n`);
    });
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Problem('FILE_UNUSABLE', `cannot read the token file ${path}: ${(error as Error).message}`, { cause: error });
  }
}
