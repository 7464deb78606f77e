import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

export function addBuild(program: Command, cli: Cli): void {
  program
    .command('build')
    .description('')
    .action(() => cli.out(''));
}
