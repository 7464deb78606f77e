import type { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { Cli } from '../cli.ts';
import { examples, formatOption } from '../options.ts';
import { printData } from '../print-data.ts';

/** `sealctl version [--remote]` */
export function addVersion(program: Command, cli: Cli): void {
  program
    .command('version')
    .description('Print the version of sealctl.')
    .option('--remote', 'ask the server for its version too')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl version', 'sealctl version --remote -o json'))
    .action(async (flags: { remote?: boolean }) => {
      const client = {
        version: packageJson.version,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (!flags.remote) return printData(cli, { client }, () => `sealctl ${client.version}`);
      const connection = await cli.connect();
      const server = await connection.server.getVersion({});
      await printData(cli, { client, server }, () =>
        [`sealctl ${client.version}`, `server  ${server.version} (${connection.target})`].join('\n'),
      );
    });
}
