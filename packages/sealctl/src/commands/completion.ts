import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';

const help = examples(
  'sealctl completion bash > /etc/bash_completion.d/sealctl     # needs the package bash-completion',
  'sealctl completion zsh > /usr/local/share/zsh/site-functions/_sealctl',
  'sealctl completion fish > ~/.config/fish/completions/sealctl.fish',
);

/**
 * `sealctl completion bash|zsh|fish`, and the hidden `complete` that the shell asks. Loaded only when one of them is called;
 * otherwise the commands are there for --help alone.
 */
export async function addCompletion(program: Command, cli: Cli): Promise<void> {
  const verb = cli.argv.find((word) => !word.startsWith('-'));
  if (verb === 'completion' || verb === 'complete') {
    const { default: tab } = await import('@bomb.sh/tab/commander');
    tab(program as never, { completionCommandName: 'completion' });
    const command = program.commands.find((candidate) => candidate.name() === 'completion');
    command?.description('Print the completion script for a shell.').addHelpText('after', help);
    return;
  }
  program.command('completion').description('Print the completion script for a shell.').argument('<shell>', 'bash, zsh or fish');
}
