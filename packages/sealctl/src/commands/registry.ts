import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { examples } from '../options.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';
import { loginToRegistry, logoutOfRegistry, type RegistryLoginFlags } from '../registry-login.ts';

/** `sealctl registry login|logout` and `sealctl logout` */
export function addRegistry(program: Command, cli: Cli): void {
  const registry = program
    .command('registry')
    .helpCommand(false)
    .description('Credentials for the registries that images are pulled from and pushed to.');
  addRegistryFlags(
    registry
      .command('login')
      .description('Log in to a registry. Name and password are kept where Docker and Podman keep them, or by their helper.')
      .argument('<host>', 'HOST[:PORT] of the registry, such as docker.io')
      .option('-u, --username <name>', 'user name (default: it is asked for)')
      .option('--password-stdin', 'read the password from stdin instead of asking'),
  )
    .addHelpText(
      'after',
      examples(
        'sealctl registry login docker.io',
        'sealctl registry login registry.example:5000 -u ada --password-stdin < secret',
      ),
    )
    .action((host: string, flags: RegistryLoginFlags) => loginToRegistry(cli, host, flags));
  addLogout(registry, cli, 'sealctl registry logout docker.io');
  addLogout(program, cli, 'sealctl logout docker.io');
}

function addLogout(parent: Command, cli: Cli, example: string): void {
  parent
    .command('logout')
    .description('Forget the credentials for a registry. (Contexts of servers: "sealctl context remove".)')
    .argument('<host>', 'HOST[:PORT] of the registry')
    .option('--authfile <file>', 'file of credentials (default: those of Podman and Docker); also REGISTRY_AUTH_FILE')
    .addHelpText('after', examples(example))
    .action((host: string, flags: RegistryFlags) => logoutOfRegistry(cli, host, flags));
}
