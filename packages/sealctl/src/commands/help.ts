import { Problem } from '@seal/foundation';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';
import { exitCodesText } from '../view/exit-codes.ts';

/** `sealctl help [TOPIC…]`: the help of a command, or "exit-codes". */
export function addHelp(program: Command, cli: Cli): void {
  program
    .command('help')
    .description('Show help on a command, or the exit codes.')
    .argument('[topic...]', 'a command, or "exit-codes"')
    .addHelpText('after', examples('sealctl help run', 'sealctl help token create', 'sealctl help exit-codes'))
    .action((topic: readonly string[]) => {
      if (topic.length === 1 && topic[0] === 'exit-codes') return cli.out(exitCodesText());
      let command = program;
      for (const [index, name] of topic.entries()) {
        const next = command.commands.find((candidate) => candidate.name() === name || candidate.aliases().includes(name));
        if (!next)
          throw new Problem('USAGE', `there is no command "${topic.slice(0, index + 1).join(' ')}"`, {
            remedy: 'See "sealctl --help" for the commands; "sealctl help exit-codes" is the only other topic.',
          });
        command = next;
      }
      command.outputHelp();
    });
}
