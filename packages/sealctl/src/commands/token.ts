import type { tokenProto } from '@seal/protocol';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { collect, examples, formatOption, parseCount, parseSeconds } from '../options.ts';
import { printData, table } from '../print-data.ts';
import { readPairs } from '../read-pairs.ts';
import { sinceText } from '../view/durations.ts';

interface CreateFlags {
  readonly ttl?: number;
  readonly uses?: number;
  readonly usage?: readonly string[];
  readonly node?: string;
  readonly cidr?: string;
  readonly label?: readonly string[];
}

/** `sealctl token create|list|revoke` */
export function addToken(program: Command, cli: Cli): void {
  const token = program.command('token').helpCommand(false).description('Bootstrap tokens, which admit agents.');
  token
    .command('create')
    .description('Make a token; prints it and the line that installs an agent. It is shown only now.')
    .option('--ttl <time>', 'how long it may be used, at most 24h (default: 15m)', parseSeconds)
    .option('--uses <count>', 'how many nodes it may admit (default: 1)', parseCount)
    .option('--usage <role>', 'join-worker or join-master; may be given twice (default: both)', collect)
    .option('--node <name>', 'admit only a node of this name')
    .option('--cidr <network>', 'admit only from this network')
    .option('--label <k=v>', 'label for the nodes it admits; may be given several times', collect)
    .addOption(formatOption(cli))
    .addHelpText(
      'after',
      examples(
        'sealctl token create',
        'sealctl token create --ttl 1h --uses 3',
        'sealctl token create --node n4 --cidr 10.0.0.0/24',
      ),
    )
    .action((flags: CreateFlags) => create(cli, flags));
  token
    .command('list')
    .description('Show the tokens, without their secrets.')
    .addOption(formatOption(cli))
    .addHelpText('after', examples('sealctl token list', 'sealctl token list -o json'))
    .action(() => list(cli));
  token
    .command('revoke')
    .description('End a token. Nodes it admitted stay.')
    .argument('<id>', 'public id of the token (see "sealctl token list")')
    .addHelpText('after', examples('sealctl token revoke 7f3k9q2m'))
    .action(async (id: string) => {
      await (await cli.connect()).tokens.revokeToken({ id });
      cli.note(`Token ${id} is revoked.`);
    });
}

async function create(cli: Cli, flags: CreateFlags): Promise<void> {
  const labels = readPairs(flags.label ?? [], '--label');
  const reply = await (await cli.connect()).tokens.createToken({
    usages: [...(flags.usage ?? [])],
    ttlSeconds: flags.ttl ?? 0,
    maxUses: flags.uses ?? 0,
    nodeName: flags.node ?? '',
    cidr: flags.cidr ?? '',
    labels,
  });
  const now = cli.io.clock.now();
  await printData(cli, { ...reply.token, value: reply.value, installCommand: reply.installCommand }, () =>
    cli.flags.quiet
      ? reply.value
      : [
          reply.value,
          '',
          `Run this on the host that is to become a node (ends ${sinceText(reply.token?.expiresAtMs ?? 0, now)}, ${usesText(reply.token)}):`,
          '',
          `  ${reply.installCommand}`,
          '',
          'Options go behind it: "… sh -s -- --node-name NAME", "… sh -s -- --replace"; "… sh -s -- --help" shows them all.',
        ].join('\n'),
  );
}

async function list(cli: Cli): Promise<void> {
  const { tokens } = await (await cli.connect()).tokens.listTokens({});
  const now = cli.io.clock.now();
  await printData(cli, tokens, () =>
    tokens.length === 0
      ? 'There is no token. Make one with "sealctl token create".'
      : table(
          cli,
          ['id', 'state', 'uses', 'ends', 'usages', 'only node', 'only from', 'used by'],
          tokens.map((token) => [
            token.id,
            stateText(token, now),
            `${token.uses}/${token.maxUses}`,
            sinceText(token.expiresAtMs, now),
            token.usages.join(', '),
            token.nodeName,
            token.cidr,
            token.usedBy.join(', '),
          ]),
        ),
  );
}

function usesText(token: tokenProto.Token | undefined): string {
  return token?.maxUses === 1 ? 'for one node' : `for ${token?.maxUses ?? '?'} nodes`;
}

function stateText(token: tokenProto.Token, now: number): string {
  if (token.revoked) return 'revoked';
  if (token.expiresAtMs <= now) return 'expired';
  return token.uses >= token.maxUses ? 'spent' : 'valid';
}
