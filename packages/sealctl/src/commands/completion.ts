import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';

const help = examples(
  'sealctl completion bash > /etc/bash_completion.d/sealctl     # read at login with the package bash-completion',
  'source <(sealctl completion bash)                            # in ~/.bashrc, without it',
  'sealctl completion zsh > /usr/local/share/zsh/site-functions/_sealctl',
  'sealctl completion fish > ~/.config/fish/completions/sealctl.fish',
);

/** The function of the package bash-completion that the script calls; here where it is missing. Defined behind the script: it is called later. */
const withoutPackage = `
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        words=("\${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=\${words[cword]}
        prev=\${words[cword > 0 ? cword - 1 : 0]}
    }
fi`;

/**
 * `sealctl completion bash|zsh|fish|powershell`, and the hidden `complete` that the shell asks. Loaded only when one of them is called;
 * otherwise the commands are there for --help alone.
 */
export async function addCompletion(program: Command, cli: Cli): Promise<void> {
  const verb = cli.argv.find((word) => !word.startsWith('-'));
  if (verb === 'completion' || verb === 'complete') {
    const { default: tab } = await import('@bomb.sh/tab/commander');
    tab(program as never, { completionCommandName: 'completion' });
    const command = program.commands.find((candidate) => candidate.name() === 'completion');
    command
      ?.description('Print the completion script for a shell.')
      .addHelpText('after', help)
      .hook('postAction', (_program, done) => {
        if (done.args[0] === 'bash') cli.out(withoutPackage);
      });
    return;
  }
  program
    .command('completion')
    .description('Print the completion script for a shell.')
    .argument('<shell>', 'bash, zsh, fish or powershell');
}
