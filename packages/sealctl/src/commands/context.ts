import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { examples, formatOption } from '../options.ts';
import { printData, table } from '../print-data.ts';
import { sinceText } from '../view/durations.ts';

/** `sealctl context list|use|remove` */
export function addContext(program: Command, cli: Cli): void {
  const context = program
    .command('context')
    .helpCommand(false)
    .description('Servers that sealctl knows, with the credentials for them (see "sealctl login").');
  context
    .command('list')
    .description('Show the contexts; the current one is marked.')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl context list'))
    .action(() => list(cli));
  context
    .command('use')
    .description('Make a context the current one.')
    .argument('<name>', 'name of the context')
    .addHelpText('after', examples('sealctl context use lab'))
    .action(async (name: string) => {
      await (await cli.contexts()).use(name);
      cli.note(`The current context is ${name}.`);
    });
  context
    .command('remove')
    .description('Forget a context, with its key.')
    .argument('<name>', 'name of the context')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('sealctl context remove lab'))
    .action(async (name: string, flags: { yes?: boolean }) => {
      await confirm(cli, `Forget the context ${name} and its key?`, flags.yes === true);
      await (await cli.contexts()).remove(name);
      cli.note(`The context ${name} is forgotten.`);
    });
}

async function list(cli: Cli): Promise<void> {
  const { X509Certificate } = await import('node:crypto');
  const store = await cli.contexts();
  const current = await store.current();
  const contexts = await Promise.all(
    (await store.list()).map(async (name) => {
      const { grpcAddress, httpsAddress, credentials } = await store.read(name);
      const certificate = new X509Certificate(credentials.certificatePem);
      const expiresAtMs = certificate.validToDate.getTime();
      return {
        name,
        current: name === current,
        grpcAddress,
        httpsAddress,
        subject: certificate.subject.replaceAll('\n', ', '),
        expiresAtMs,
      };
    }),
  );
  const now = cli.io.clock.now();
  await printData(cli, contexts, () =>
    contexts.length === 0
      ? 'There is no context. As root on the server none is needed; elsewhere see "sealctl login --help".'
      : table(
          cli,
          ['current', 'name', 'server', 'as', 'certificate ends'],
          contexts.map((context) => [
            context.current ? '*' : '',
            context.name,
            context.grpcAddress,
            context.subject,
            sinceText(context.expiresAtMs, now),
          ]),
        ),
  );
}
