import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { childrenOf } from './children-of.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a command line that enters a host, on this process's terminal, and returns its exit code (128 + n for signal n). This process
 * does not end by Ctrl-C meanwhile: the terminal sends that to the command too. What comes without a terminal is handed on to the
 * command in the host, which is the child of the one that is started here.
 */
export async function runOnTerminal(argv: readonly string[], env: Record<string, string>): Promise<number> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'inherit', env });
  const onSignal = (signal: (typeof signals)[number]): void => {
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    for (const pid of childrenOf(child.pid)) process.kill(pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));
    });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
