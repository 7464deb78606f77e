import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

/**
 * `sealctl completion bash|zsh|fish`, and the hidden `complete` that the shell asks. Loaded only when one of them is called;
 * otherwise the commands are there for --help alone.
 */
export async function addCompletion(program: Command, cli: Cli): Promise<void> {
  const verb = cli.argv.find((word) => !word.startsWith('-'));
  if (verb === 'completion' || verb === 'complete') {
    const { default: tab } = await import('@bomb.sh/tab/commander');
    tab(program as never, { completionCommandName: 'completion' });
    return;
  }
  program.command('completion').description('Print the completion script for a shell.').argument('<shell>', 'bash, zsh or fish');
}
